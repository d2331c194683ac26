"""A reason of the verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pg_migration_exporter.status.model import VERDICTS, VerdictName


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict is not go. `name` is that of the alert, or the runbook, where there is one.

    `datname` is empty for what concerns the whole server. A measured reason comes and goes with
    the load; what is not measured is known at once. `lingers` is whether it counts a while longer,
    `needs_answer` whether only an answer can tell that it is over.
    """

    verdict: VerdictName
    name: str
    text: str
    datname: str = ""
    is_measured: bool = False
    lingers: bool = True
    needs_answer: bool = True


def worst(verdicts: Iterable[VerdictName]) -> VerdictName:
    """Return the worst of the verdicts; go without one."""
    return max(verdicts, key=VERDICTS.index, default="go")
