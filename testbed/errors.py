"""What can go wrong while the stack is brought up.

StackError
└── MissingProgramError
"""

from __future__ import annotations


class StackError(Exception):
    """A server did not do what was awaited; the message says which one, and shows its log."""


class MissingProgramError(StackError):
    """A program that `make setup` installs is not on this machine."""
