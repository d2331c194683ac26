"""The page docs/drills.md: its text is written by hand, what is below the mark by the drills.

A run of some drills replaces their rows and leaves the others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from demo.drills.undrilled import UNDRILLED
from demo.report import Outcome

MARK = "<!-- measured -->\n"
NEVER = "never"
_COLUMNS = (
    "fault",
    "expected",
    "fired as well",
    "first after",
    "all after",
    "notifications",
    "false alarms",
)
_HEAD = [list(_COLUMNS), ["---"] * len(_COLUMNS)]
_QUIET = "The quiet hour"
_UNDRILLED = "## Alerts without a drill"


def write(page: Path, order: Sequence[str], drills: Sequence[Outcome], quiet: str | None) -> None:
    """Put in the drills that ran, in the `order` of their names, and the sentence on quiet."""
    text, mark, below = page.read_text(encoding="utf-8").partition(MARK)
    old = below.partition(_UNDRILLED)[0]
    measured = {cells[0]: cells for cells in (*_rows(old), *map(_cells, drills))}
    rows = [measured[name] for name in order if name in measured]
    table = "".join(f"| {' | '.join(cells)} |\n" for cells in (*_HEAD, *rows))
    kept = re.search(rf"^{_QUIET}.*$", old, re.MULTILINE)
    sentence = quiet or (kept[0] if kept else f"{_QUIET} was not run.")
    measurements = f"{table}\n{_summary(rows)}\n\n{sentence}\n"
    page.write_text(f"{text}{mark}{measurements}\n{undrilled()}", encoding="utf-8")


def undrilled() -> str:
    """Return the section on the alerts that no drill fires."""
    lines = [_UNDRILLED, "", "| alert | why |", "| --- | --- |"]
    lines += [f"| {alert} | {why} |" for alert, why in UNDRILLED.items()]
    return "\n".join([*lines, ""])


def quiet_sentence(quiet: Outcome, seconds: float) -> str:
    """Say what a quiet hour of so many seconds brought."""
    alarms = ", ".join(sorted(quiet.detected)) or "none"
    return (
        f"{_QUIET} lasted {seconds:.0f} s. Alarms: {alarms}; notifications of them:"
        f" {quiet.messages}."
    )


def _rows(measured: str) -> list[list[str]]:
    """Return the cells of the rows that are there."""
    lines = (line[2:-2] for line in measured.splitlines() if line.startswith("| "))
    cells = [line.split(" | ") for line in lines]
    return [row for row in cells if row not in _HEAD]


def _cells(drill: Outcome) -> list[str]:
    seconds = [drill.detected[name] for name in drill.expected if name in drill.detected]
    missing = drill.expected - drill.detected.keys()
    followed = (drill.detected.keys() & drill.tolerated) - drill.expected
    return [
        drill.name,
        ", ".join(sorted(drill.expected)),
        ", ".join(sorted(followed)) or "-",
        f"{min(seconds):.0f} s" if seconds else NEVER,
        NEVER if missing else f"{max(seconds):.0f} s",
        str(drill.messages),
        ", ".join(sorted(drill.false_alarms)) or "none",
    ]


def _summary(rows: Sequence[list[str]]) -> str:
    detected = sum(NEVER not in cells for cells in rows)
    false = sum(cells[-1] != "none" for cells in rows)
    return f"{detected} of {len(rows)} faults were detected in full, {false} with a false alarm."
