"""Java's .properties format (java.util.Properties.load), used by Liquibase's defaults files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pg_migration_exporter.files import read_regular_file

_NATURAL_LINE_END = re.compile(r"\r\n|\r|\n")
#: Bytes.
_MAX_SIZE = 1 << 20
_SPACE = " \t\f"
_KEY = re.compile(r"(?P<key>(?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(?P<value>.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.)|$)", re.DOTALL)
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def read_properties(file: Path) -> dict[str, str]:
    """Return keys and values; values are trimmed, as in Liquibase. Raises OSError."""
    return parse_properties(read_regular_file(file, _MAX_SIZE).decode("latin-1"))


def parse_properties(text: str) -> dict[str, str]:
    """Return the keys and values of a file; the last one of a repeated key."""
    properties = {}
    for line in _logical_lines(text):
        match = _KEY.fullmatch(line)
        assert match is not None
        properties[_unescape(match["key"])] = _unescape(match["value"]).strip()
    return properties


def _logical_lines(text: str) -> Iterator[str]:
    """Join lines that end in an odd number of backslashes; skip comments and empty lines."""
    joined = ""
    for line in _NATURAL_LINE_END.split(text):
        stripped = line.lstrip(_SPACE)
        if not joined and (not stripped or stripped[0] in "#!"):
            continue
        backslashes = len(stripped) - len(stripped.rstrip("\\"))
        if backslashes % 2:
            joined += stripped[:-1]
            continue
        yield joined + stripped
        joined = ""
    if joined:
        yield joined


def _unescape(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        code, plain = match.groups()
        return chr(int(code, 16)) if code else _CONTROLS.get(plain or "", plain or "")

    return _ESCAPE.sub(character, text)
