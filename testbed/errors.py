"""Errors of the servers of the testbed.

StackError
└── MissingProgramError
"""

from __future__ import annotations


class StackError(Exception):
    """A server did not reach the expected state; the message has its name and log."""


class MissingProgramError(StackError):
    """A program that `make setup` installs is missing."""
