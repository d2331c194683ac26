"""The reasons of the verdict as findings: the gate has no second verdict (docs/verdict.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pg_migration_exporter.formatting import duration
from pg_migration_exporter.gate.check import Evidence, Finding
from pg_migration_exporter.status.judgement.reason import worst
from pg_migration_exporter.status.model import VERDICTS, TargetStatus, VerdictName, VerdictReason


def by_reasons(otherwise: Callable[[Evidence], Finding]) -> Callable[[Evidence], Finding]:
    """Return a judge that fails by the reasons of its check; without one, `otherwise` judges."""

    def judge(evidence: Evidence) -> Finding:
        verdict = _bounded(evidence.reasons, evidence.status)
        if verdict == "go":
            return otherwise(evidence)
        return Finding("fail", sentences(evidence.reasons), verdict)

    return judge


def sentences(reasons: Sequence[VerdictReason]) -> str:
    """Return the texts of the reasons, the worst first."""
    return "; ".join(map(_sentence, reasons))


def _sentence(reason: VerdictReason) -> str:
    where = f" in {reason.datname}" if reason.datname else ""
    over = "" if reason.ago_seconds is None else f", over for {duration(reason.ago_seconds)}"
    return f"{reason.text}{where}{over} ({reason.name})"


def _bounded(reasons: Sequence[VerdictReason], status: TargetStatus) -> VerdictName:
    """Return the worst verdict of the reasons, no worse than that on the server.

    A reason of a database that does not count for its server (`verdict.databases`) is go.
    """
    bound = status.verdict.verdict
    return min(worst(reason.verdict for reason in reasons), bound, key=VERDICTS.index)
