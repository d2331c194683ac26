"""When what happens in the quiet week; times are in minutes from Monday, 0:00."""

from __future__ import annotations

DAY = 1440
WEEK = 7 * DAY


def hour(minute: int) -> float:
    return minute % DAY / 60


def is_between(minute: int, start: float, end: float) -> bool:
    return start <= hour(minute) < end


def is_dumped(minute: int) -> bool:
    """Every night from 2:00 to 2:55."""
    return is_between(minute, 2, 2 + 55 / 60)


def is_vacuumed(minute: int) -> bool:
    """On Sunday from 4:00 to 6:00."""
    return minute // DAY % 7 == 6 and is_between(minute, 4, 6)


def is_released(minute: int) -> bool:
    """Each 90 minutes from 9:00 to 20:00, for three minutes."""
    return is_between(minute, 9, 20) and minute % 90 < 3


def is_deployed(minute: int) -> bool:
    """Monday and Thursday at 11:15: until then it is the old pod."""
    return minute in (675, 3 * DAY + 675)


def is_lost(minute: int) -> bool:
    return minute % 37 == 5


def load(minute: int) -> float:
    """Transactions per second: 50 at night, 500 from 9:00 to 18:00."""
    at = hour(minute)
    day = min(max((at - 7) / 2, 0), 1) - min(max((at - 18) / 3, 0), 1)
    return 50 + 450 * day


#: Bound of the histogram in seconds -> share of the statements that are as fast: at night, by day.
FAST = {
    "0.001": (0.6, 0.5),
    "0.005": (0.85, 0.75),
    "0.01": (0.93, 0.88),
    "0.05": (0.995, 0.97),
    "0.1": (0.998, 0.985),
    "1": (1.0, 0.999),
    "+Inf": (1.0, 1.0),
}


def share_of_fast(minute: int, bound: str) -> float:
    night, day = FAST[bound]
    return night + (day - night) * (load(minute) - 50) / 450


def statements(bound: str, minute: int) -> float:
    return 60 * 3 * load(minute) * share_of_fast(minute, bound)


def p95(minute: int) -> float:
    """The 95th percentile that the exporter keeps as the baseline of a run."""
    return 0.012 + 0.025 * (load(minute) - 50) / 450


def baseline(minute: int) -> float | None:
    """That before the latest release, if there was one."""
    began = (at for at in range(minute, max(minute - DAY, -1), -1) if is_released(at))
    latest = next(began, None)
    return None if latest is None else p95(latest)
