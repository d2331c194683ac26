"""Java's handling of strings, numbers and dates, where Liquibase's behavior depends on it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from math import isinf, isnan

#: What `String.trim` removes: every character up to the space.
TRIMMED = "".join(map(chr, range(0x21)))


def trim(text: str) -> str:
    """`String.trim`."""
    return text.strip(TRIMMED)


def trim_to_none(text: str | None) -> str | None:
    """`StringUtils.trimToNull`."""
    return (trim(text) or None) if text is not None else None


def split(text: str, separator: str = ",") -> list[str]:
    """`String.split` (empty strings at the end are dropped), each part trimmed."""
    parts = text.split(separator)
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return [] if parts == [""] and text else [trim(part) for part in parts]


def to_boolean(text: str | None, default: bool = False) -> bool:
    """`Boolean.valueOf`: only "true" in any case is true, not "1" or "yes"."""
    return default if text is None else text.lower() == "true"


def double_to_string(number: float) -> str:
    """`Double.toString`: at least one decimal, an exponent from 10^7 on and below 10^-3."""
    if isnan(number) or isinf(number):
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(str(number), "NaN")
    sign, digits, exponent = Decimal(repr(number)).as_tuple()
    prefix = "-" if sign else ""
    if not any(digits):
        return f"{prefix}0.0"
    assert isinstance(exponent, int)
    figures = "".join(map(str, digits)).rstrip("0")
    point = len(digits) + exponent
    if -3 < point <= 7:
        whole = figures[:point].ljust(point, "0") if point > 0 else "0"
        fraction = figures[point:] if point > 0 else "0" * -point + figures
        return f"{prefix}{whole}.{fraction or '0'}"
    return f"{prefix}{figures[0]}.{figures[1:] or '0'}E{point - 1}"


def lenient_datetime(year: int, month: int, day: int, seconds: int = 0) -> datetime:
    """`Calendar` in its lenient default: month 13 is next January, second 90 the next minute.

    Raises ValueError or OverflowError for years that the Gregorian calendar of Python and Java
    do not share (before 1583, after 9999).
    """
    first = datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)  # noqa: DTZ001 - no zone in YAML
    moment = first + timedelta(days=day - 1, seconds=seconds)
    if moment.year < 1583:
        raise ValueError(moment.year)
    return moment


def date_to_string(moment: datetime) -> str:
    """`Date.toString` in a JVM whose time zone is UTC."""
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    day, month = days[moment.weekday()], months[moment.month - 1]
    return f"{day} {month} {moment:%d %H:%M:%S} UTC {moment.year:04}"


def utf_16_order(text: str) -> bytes:
    """Return a key that sorts as `String.compareTo` does: by UTF-16 code units."""
    return text.encode("utf-16-be", "surrogatepass")
