"""The type of a plain YAML scalar as SnakeYAML resolves it, and its text as Java prints it.

Liquibase receives an unquoted changeset id as SnakeYAML resolves it: `0010` as "8", `yes` as
"true", `12:30:45` as "45045". JSON changelogs go through the same parser. SnakeYAML 2.2: Resolver,
SafeConstructor; Liquibase 4.28: CustomConstructYamlTimestamp.
"""

from __future__ import annotations

import re
from functools import lru_cache, reduce

from . import java
from .findings import refusal
from .nodes import ValueKind

_BOOLEAN = re.compile("yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF")
_TRUE = frozenset({"yes", "true", "on"})
_FLOAT = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.[0-9_]+(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_INTEGER = re.compile(
    r"[-+]?0b_*[01][01_]*|[-+]?0_*[0-7][0-7_]*|[-+]?(?:0|[1-9][0-9_]*)"
    r"|[-+]?0x_*[0-9a-fA-F][0-9a-fA-F_]*|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+"
)
_NULL = re.compile("~|null|Null|NULL| |")
_TIMESTAMP = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)"
    r"(?:(?:[Tt]|[ \t]+)(?P<hour>\d\d?):(?P<minute>\d\d):(?P<second>\d\d)(?:\.\d*)?"
    r"(?:[ \t]*(?:Z|(?P<offset>[-+]\d\d?)(?::(?P<offset_minutes>\d\d))?))?)?",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LONGEST_NUMBER = 1024
_LONGEST_TIMESTAMP = 50
_RADIX = {"0b": (2, 2), "0x": (2, 16), "0": (1, 8)}


def _boolean(text: str) -> str:
    return str(text.lower() in _TRUE).lower()


def _integer(text: str) -> str:
    digits = text.replace("_", "").lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    if ":" in digits:
        return str(sign * reduce(lambda total, part: total * 60 + int(part), digits.split(":"), 0))
    for prefix, (length, radix) in _RADIX.items():
        if digits.startswith(prefix) and digits != "0":
            return str(sign * int(digits[length:], radix))
    return str(sign * int(digits))


def _float(text: str) -> str:
    digits = text.replace("_", "").lower()
    sign = -1.0 if digits.startswith("-") else 1.0
    digits = digits.lstrip("+-")
    if digits in {".inf", ".nan"}:
        return java.double_to_string(sign * float(digits[1:]))
    if digits == ".":
        raise refusal(f"YAML reads {text!r} as a number, but it is not one.", "Quote it.")
    number = reduce(lambda total, part: total * 60 + float(part), digits.split(":"), 0.0)
    return java.double_to_string(sign * number)


def _timestamp(text: str) -> str:
    found = _TIMESTAMP.fullmatch(text)
    assert found is not None
    part = {name: int(value) for name, value in found.groupdict(default="0").items()}
    seconds = part["hour"] * 3600 + part["minute"] * 60 + part["second"]
    offset = found["offset"]
    if offset is not None:
        minutes = -part["offset_minutes"] if offset.startswith("-") else part["offset_minutes"]
        seconds -= part["offset"] * 3600 + minutes * 60
    try:
        moment = java.lenient_datetime(part["year"], part["month"], part["day"], seconds)
    except (ValueError, OverflowError):
        raise refusal(f"YAML reads {text!r} as a date out of range.", "Quote it.") from None
    as_text = found["hour"] is not None and offset is None
    return f"{moment:%Y-%m-%d %H:%M:%S}" if as_text else java.date_to_string(moment)


def _is_timestamp(text: str) -> bool:
    found = _TIMESTAMP.fullmatch(text) if len(text) <= _LONGEST_TIMESTAMP else None
    return bool(found and (found["hour"] is not None or _DATE.fullmatch(text)))


@lru_cache(maxsize=4096)
def resolve(text: str) -> tuple[str, ValueKind]:
    """Return a plain scalar as Java prints it, and its type. Raises RefusalError."""
    if _NULL.fullmatch(text):
        return "", ValueKind.NULL
    if _BOOLEAN.fullmatch(text):
        return _boolean(text), ValueKind.BOOLEAN
    if len(text) <= _LONGEST_NUMBER:
        if _INTEGER.fullmatch(text):
            return _integer(text), ValueKind.NUMBER
        if _FLOAT.fullmatch(text):
            return _float(text), ValueKind.NUMBER
    if _is_timestamp(text):
        return _timestamp(text), ValueKind.TIMESTAMP
    return text, ValueKind.TEXT
