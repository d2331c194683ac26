"""Translation of patterns from the syntax of Onigmo to Python's.

Only the syntax that this package uses is translated. A test runs both engines on real logs.
"""

from __future__ import annotations

import re

_TRANSLATIONS = (
    (re.compile(r"\(\?<(?![=!])"), "(?P<"),
    (re.compile(r"\(\?m:"), "(?s:"),
    (re.compile(r"\\z"), r"\\Z"),
)


def compile_onigmo(pattern: str) -> re.Pattern[str]:
    """Return the pattern compiled so that it matches what it matches in Fluent Bit."""
    for expression, replacement in _TRANSLATIONS:
        pattern = expression.sub(replacement, pattern)
    # Ruby's syntax: ^ and $ match at every line, and \\d is ASCII.
    return re.compile(pattern, re.MULTILINE | re.ASCII)
