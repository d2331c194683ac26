"""The verdict as metrics."""

from __future__ import annotations

from collections.abc import Iterator

from pg_migration_exporter.metrics.families import Family, FamilySamples
from pg_migration_exporter.status.judgement.judge import Judgement
from pg_migration_exporter.status.model import VERDICTS

VERDICT = Family(
    "migration_verdict",
    "gauge",
    "Whether to start a migration or go on with it: 1 for the verdict in force (go, hold, abort), "
    "0 for the others. datname is empty for the verdict on the server.",
    ("datname", "verdict"),
)
REASON = Family(
    "migration_verdict_reason",
    "gauge",
    "1 for each reason of a verdict that is not go. datname is empty for what concerns the whole "
    "server.",
    ("datname", "verdict", "reason"),
)
FAMILIES = (VERDICT, REASON)


def families(judgement: Judgement) -> Iterator[FamilySamples]:
    """Yield the samples of a judgement."""
    verdicts, found = FamilySamples(VERDICT), FamilySamples(REASON)
    for datname, verdict in {"": judgement.verdict, **judgement.databases}.items():
        for name in VERDICTS:
            verdicts.add(int(name == verdict), datname, name)
    for item in judgement.standing:
        found.add(1, item.reason.datname, item.verdict, item.reason.name)
    yield from (verdicts, found)
