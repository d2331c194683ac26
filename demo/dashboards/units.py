"""Numbers in the units of Grafana's panels."""

from __future__ import annotations

from collections.abc import Callable

_LONG = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_SHORT = ((1e-3, "ms"), (1e-6, "µs"))
_BYTES = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))
_COUNTS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def _scaled(value: float, units: tuple[tuple[float, str], ...], otherwise: str) -> str:
    for factor, unit in units:
        if abs(value) >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value:.3g} {otherwise}".strip()


def _percent(value: float) -> str:
    """Return three digits at most, and no exponent."""
    return f"{value:.3g}" if abs(value) >= 0.01 or not value else "< 0.01"


#: Unit -> function that formats a number.
WRITE: dict[str, Callable[[float], str]] = {
    "none": lambda value: f"{value:.3g}",
    "short": lambda value: _scaled(value, _COUNTS, ""),
    "ops": lambda value: _scaled(value, _COUNTS, "ops/s"),
    "s": lambda value: _scaled(value, (*_LONG, *_SHORT), "s"),
    "bytes": lambda value: _scaled(value, _BYTES, "B"),
    "Bps": lambda value: f"{_scaled(value, _BYTES, 'B')}/s",
    "percentunit": lambda value: f"{_percent(value * 100)} %",
}


def write(value: float, unit: str, now: float) -> str:
    """Return a number with its unit; a time (`dateTimeFromNow`, in milliseconds) as its age."""
    if unit == "dateTimeFromNow":
        return f"{WRITE['s'](now - value / 1000)} ago"
    return WRITE[unit](value)
