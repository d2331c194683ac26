"""The types of values in the configuration: durations, addresses and URLs."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|m|h|d)?")
_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]]*):(?P<port>\d{1,5})")
_HIGHEST_PORT = 65535


def parse_duration(value: object) -> object:
    """Convert `500ms`, `10s`, `1m` or a number of seconds into seconds; keep other types."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError("not a duration; write a number with a unit, such as 500ms, 10s or 1m")
    return float(match["number"]) * _UNITS[match["unit"] or "s"]


def split_address(value: str) -> tuple[str, int]:
    """Split `HOST:PORT`, `[IPV6]:PORT` or `:PORT` (every interface) into host and port.

    Raises ValueError with a message for the user.
    """
    match = _ADDRESS.fullmatch(value.strip())
    if match is None or int(match["port"]) > _HIGHEST_PORT:
        raise ValueError("not an address; write HOST:PORT, such as 127.0.0.1:9886 or [::1]:9886")
    return match["host"].strip("[]"), int(match["port"])


def expand_databases(value: object) -> object:
    """Convert `all`, or a list of names, into the mapping that it is short for."""
    if value == "all":
        return {"include": ["*"]}
    return {"include": value} if isinstance(value, list) else value


def _check_address(value: str) -> str:
    split_address(value)
    return value


def is_url(value: str) -> bool:
    """Return whether it is an http or https URL that cannot contain a password."""
    try:
        url = urlsplit(value)
        has_host = bool(url.hostname) and url.port != 0  # raises ValueError for an invalid port
    except ValueError:
        return False
    return has_host and url.scheme in ("http", "https") and "@" not in value and not url.query


def _check_url(value: str) -> str:
    if not is_url(value):
        raise ValueError("not a URL; write http://HOST:PORT or https://HOST, without user or query")
    return value


Seconds = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, le=86400 * 365)]
Address = Annotated[str, AfterValidator(_check_address)]
Url = Annotated[str, AfterValidator(_check_url)]
