"""The page docs/drills.md: its text is written by hand, the table below the mark by the drills."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from demo.report import Outcome

MARK = "<!-- measured -->\n"


def write(page: Path, drills: Sequence[Outcome], quiet: Outcome, lasted: timedelta) -> None:
    """Replace what is below the mark."""
    text, mark, _ = page.read_text(encoding="utf-8").partition(MARK)
    page.write_text(f"{text}{mark}{_table(drills)}\n{_summary(drills, quiet, lasted)}")


_COLUMNS = (
    "fault",
    "expected",
    "fired as well",
    "first after",
    "all after",
    "notifications",
    "false alarms",
)


def _table(drills: Sequence[Outcome]) -> str:
    rule = ["---"] * len(_COLUMNS)
    return "".join(map(_line, (_COLUMNS, rule, *map(_cells, drills))))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _cells(drill: Outcome) -> list[str]:
    seconds = [drill.detected[name] for name in drill.expected if name in drill.detected]
    missing = drill.expected - drill.detected.keys()
    followed = (drill.detected.keys() & drill.tolerated) - drill.expected
    return [
        drill.name,
        ", ".join(sorted(drill.expected)),
        ", ".join(sorted(followed)) or "-",
        f"{min(seconds):.0f} s" if seconds else "never",
        "never" if missing else f"{max(seconds):.0f} s",
        str(drill.messages),
        ", ".join(sorted(drill.false_alarms)) or "0",
    ]


def _summary(drills: Sequence[Outcome], quiet: Outcome, lasted: timedelta) -> str:
    detected = sum(drill.expected <= drill.detected.keys() for drill in drills)
    false = sum(len(drill.false_alarms) for drill in drills)
    alarms = ", ".join(sorted(quiet.detected)) or "none"
    return (
        f"{detected} of {len(drills)} faults were detected in full, with {false} false alarms.\n\n"
        f"The quiet hour lasted {lasted.total_seconds():.0f} s. Alarms: {alarms};"
        f" notifications of alarms: {quiet.messages}.\n"
    )
