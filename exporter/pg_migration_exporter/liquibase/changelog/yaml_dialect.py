"""What SnakeYAML refuses and libyaml reads: tabs between tokens, and the escape `\\/` of JSON."""

from __future__ import annotations

import re
from typing import Any

import yaml

from .model import refusal

_SLASH = re.compile(r'[^\\"]*+(?:\\[^/][^\\"]*+)*+\\/')
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#.*")


def check(text: str, loader: Any) -> None:
    """Raise RefusalError where the text has one of these; `loader` is a PyYAML loader class."""
    if "\t" not in text and "\\/" not in text:
        return
    follower = _Follower(text)
    try:
        for event in yaml.parse(text, Loader=loader):
            if type(event) is yaml.ScalarEvent:
                follower.scalar(event)
    except yaml.YAMLError:
        # Not YAML at all: its parser says why.
        return
    follower.finish()


class _Follower:
    """Follows the scalars of a text, and checks what lies between and in them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self._after_plain = False

    def scalar(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        self._between(self._text[self._end : start])
        if event.style == '"' and _SLASH.match(self._text, start + 1, end):
            line = event.start_mark.line + 1
            raise refusal("Liquibase's parser does not know the escape \\/.", "Write /.", line)
        self._end, self._after_plain = end, not event.style

    def finish(self) -> None:
        self._between(self._text[self._end :])

    def _between(self, gap: str) -> None:
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
