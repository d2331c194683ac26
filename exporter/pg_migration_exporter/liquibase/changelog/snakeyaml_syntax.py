"""Check for syntax that libyaml reads and SnakeYAML refuses: tabs between tokens, and `\\/`."""

from __future__ import annotations

import re
from typing import Any

import yaml

from .findings import refusal

_SLASH = re.compile(r'[^\\"]*+(?:\\[^/][^\\"]*+)*+\\/')
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#.*")


def check(text: str, loader: Any) -> None:
    """Raise RefusalError where the text has such syntax; `loader` is a PyYAML loader class."""
    if "\t" not in text and "\\/" not in text:
        return
    checker = _GapChecker(text)
    try:
        for event in yaml.parse(text, Loader=loader):
            if type(event) is yaml.ScalarEvent:
                checker.check_scalar(event)
    except yaml.YAMLError:
        # Not YAML at all: the parser reports the reason.
        return
    checker.finish()


class _GapChecker:
    """Checks the scalars of a text, and the gaps between them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self._after_plain = False

    def check_scalar(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        self._check_gap(self._text[self._end : start])
        if event.style == '"' and _SLASH.match(self._text, start + 1, end):
            line = event.start_mark.line + 1
            raise refusal("Liquibase's parser does not support the escape \\/.", "Write /.", line)
        self._end, self._after_plain = end, not event.style

    def finish(self) -> None:
        self._check_gap(self._text[self._end :])

    def _check_gap(self, gap: str) -> None:
        if "\t" not in gap:
            return
        for number, line in enumerate(gap.split("\n")):
            code = _COMMENT.sub("", line)
            if number == 0 and self._after_plain:
                code = code.lstrip(" \t")
            if "\t" in code:
                raise refusal(
                    "Liquibase's parser does not read tabs between YAML tokens.",
                    "Use spaces, in JSON as well.",
                    self._text.count("\n", 0, self._end) + number + 1,
                )
