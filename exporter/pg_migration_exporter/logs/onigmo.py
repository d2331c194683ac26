"""Patterns in the syntax of Onigmo, for Python.

Only what the rules of this package use is translated. A test runs both engines over real logs.
"""

from __future__ import annotations

import re

_TRANSLATIONS = (
    (re.compile(r"\(\?<(?![=!])"), "(?P<"),
    (re.compile(r"\(\?m:"), "(?s:"),
    (re.compile(r"\\z"), r"\\Z"),
)


def compile_onigmo(pattern: str) -> re.Pattern[str]:
    """Compile a pattern so that it finds what Fluent Bit finds."""
    for expression, replacement in _TRANSLATIONS:
        pattern = expression.sub(replacement, pattern)
    # Ruby's syntax: ^ and $ at every line, and \\d is ASCII.
    return re.compile(pattern, re.MULTILINE | re.ASCII)
