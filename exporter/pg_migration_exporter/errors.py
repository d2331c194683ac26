"""Errors that a user can fix. Each message has what is wrong, where, and what to do.

UserError               one line on stderr, exit code 2
├── ConfigError         a file, an option or an environment variable
└── ListenError         the address to listen on

UnfitAnswerError        the result of a user's statement does not fit its metrics
"""

from __future__ import annotations


class UserError(Exception):
    """A request of the user cannot be carried out; the message is shown as it is."""


class ConfigError(UserError):
    """The configuration cannot be used."""


class ListenError(UserError):
    """The HTTP server cannot listen on its address."""


class UnfitAnswerError(Exception):
    """The result of a statement does not fit the declaration of its metrics."""
