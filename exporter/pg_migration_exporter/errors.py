"""Errors that a user can mend. Each says what is wrong, where, and what to do.

UserError               one clear line on stderr, exit code 2
├── ConfigError         a file, an option or an environment variable
└── ListenError         the address to listen on

UnfitAnswerError        a user's statement gives something else than its metrics need
"""

from __future__ import annotations


class UserError(Exception):
    """Something the user asked for cannot be done as asked; the text is shown as it is."""


class ConfigError(UserError):
    """The configuration cannot be used."""


class ListenError(UserError):
    """The HTTP server cannot listen where it was told to."""


class UnfitAnswerError(Exception):
    """The answer of a statement is not what its metrics are declared to be."""
