"""The schema after the migration, compared with that of a rehearsal."""

from __future__ import annotations

from collections.abc import Callable

from pg_migration_exporter.gate.check import BuiltIn, Evidence, Finding
from pg_migration_exporter.gate.expect.compare import compare
from pg_migration_exporter.gate.expect.model import Aspect
from pg_migration_exporter.gate.expect.sql import QUERIES
from pg_migration_exporter.gate.profile import Profile

_SUMMARIES: dict[Aspect, str] = {
    "kind": "Tables, views and partitions are those of the expectation.",
    "columns": "Columns have the expected types and defaults.",
    "indexes": "Indexes are valid and have the expected definitions.",
    "constraints": "Constraints are validated and have the expected definitions.",
    "triggers": "Triggers are enabled and have the expected definitions.",
    "grants": "Roles have the expected privileges, and no others.",
}


def _judge(aspect: Aspect) -> Callable[[Evidence], Finding]:
    def judge(evidence: Evidence) -> Finding:
        assert evidence.profile.expect is not None
        return compare(evidence.profile.expect, aspect, evidence.rows)

    return judge


def _schema(profile: Profile) -> tuple[str, ...]:
    assert profile.expect is not None
    return (profile.expect.schema_name,)


EXPECTATION = tuple(
    BuiltIn(
        name=f"expected_{aspect}",
        phases=("post",),
        severity="critical",
        summary=summary,
        remedy="Find out which changeset did not do what it did in the rehearsal; roll back, or "
        "write a changeset that repairs it.",
        judge=_judge(aspect),
        query=QUERIES[aspect],
        parameters=_schema,
        profile_key="expect",
        on_failure="abort",
    )
    for aspect, summary in _SUMMARIES.items()
)
