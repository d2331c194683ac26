"""What SnakeYAML refuses and libyaml reads: tabs between tokens, and the escape `\\/` of JSON."""

from __future__ import annotations

import re
from typing import Any

from .model import refusal

_SLASH = re.compile(r'[^\\"]*+(?:\\[^/][^\\"]*+)*+\\/')
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#.*")


class Dialect:
    """Follows the scalars of a text, and checks what lies between and in them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._has_tabs = "\t" in text
        self._has_slashes = "\\/" in text
        self.matters = self._has_tabs or self._has_slashes
        self._end = 0
        self._after_plain = False

    def scalar(self, event: Any) -> None:
        """Check the scalar, and the text between it and the one before. Raises RefusalError."""
        start, end = event.start_mark.index, event.end_mark.index
        if self._has_tabs:
            self._between(self._text[self._end : start])
        if self._has_slashes and event.style == '"' and _SLASH.match(self._text, start + 1, end):
            line = event.start_mark.line + 1
            raise refusal("Liquibase's parser does not know the escape \\/.", "Write /.", line)
        self._end, self._after_plain = end, not event.style

    def finish(self) -> None:
        """Check what follows the last scalar. Raises RefusalError."""
        if self._has_tabs:
            self._between(self._text[self._end :])

    def _between(self, gap: str) -> None:
        if "\t" not in gap:
            return
        for number, line in enumerate(gap.split("\n")):
            code = _COMMENT.sub("", line)
            if number == 0 and self._after_plain:
                code = code.lstrip(" \t")
            if "\t" in code:
                line_number = self._text.count("\n", 0, self._end) + number + 1
                raise refusal(
                    "Liquibase's parser does not read tabs between YAML tokens.",
                    "Use spaces, in JSON as well.",
                    line_number,
                )
