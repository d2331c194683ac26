"""Parser of Java's `.properties` files, as `java.util.Properties.load`."""

from __future__ import annotations

import re

from .findings import refusal

_LINE_END = re.compile(r"\r\n|\r|\n")
_SEPARATOR = re.compile(r"(?P<name>(?:\\.|[^\\=: \t\f])*+)[ \t\f]*+(?:[=:][ \t\f]*+)?", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(u)|(.))?", re.DOTALL)
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_BLANKS = " \t\f"


def parse(data: bytes) -> dict[str, str]:
    """Return the properties of a file; of a repeated name the last counts. Raises RefusalError."""
    properties: dict[str, str] = {}
    number, logical = 0, ""
    for number, line in enumerate(_LINE_END.split(data.decode("latin-1")), start=1):
        stripped = line.lstrip(_BLANKS)
        if not logical and (not stripped or stripped[0] in "#!"):
            continue
        logical += stripped
        backslashes = len(logical) - len(logical.rstrip("\\"))
        if backslashes % 2:
            logical = logical[:-1]
        else:
            _add(properties, logical, number)
            logical = ""
    if logical:
        _add(properties, logical, number)
    return properties


def _add(properties: dict[str, str], line: str, number: int) -> None:
    found = _SEPARATOR.match(line)
    assert found is not None
    properties[_unescape(found["name"], number)] = _unescape(line[found.end() :], number)


def _unescape(text: str, number: int) -> str:
    if "\\" not in text:
        return text

    def character(found: re.Match[str]) -> str:
        if found[2]:
            raise refusal("\\u needs four hexadecimal digits.", "Correct the escape.", number)
        return chr(int(found[1], 16)) if found[1] else _CONTROLS.get(found[3], found[3] or "")

    units = _ESCAPE.sub(character, text)
    # Two escapes may form one surrogate pair; half of a pair cannot be encoded.
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
