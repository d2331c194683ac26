"""The memory of one changelog as JSON: what is stored, and how it is restored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from pydantic import TypeAdapter

from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.history.deployment import Deployment
from pg_migration_exporter.liquibase.history.lineage import Continuity
from pg_migration_exporter.liquibase.history.statements import LockStatements
from pg_migration_exporter.liquibase.locks.holder import LockMemory
from pg_migration_exporter.liquibase.state.evidence import (
    InferredFailure,
    ReportedFailure,
    RunEffect,
)
from pg_migration_exporter.liquibase.state.memory import ChangelogMemory
from pg_migration_exporter.liquibase.state.report_memory import ReportMemory
from pg_migration_exporter.liquibase.state.rollback_memory import RollbackMemory
from pg_migration_exporter.liquibase.state.seen_contents import SeenContents
from pg_migration_exporter.metrics.histograms import DurationHistogram

_NOT_STORED = {
    "polled_at", "sample", "sampled_at", "awaits_rollbacks", "late_rows", "creates_tables",
}  # fmt: skip
#: What earlier versions stored, and what they called it.
_OLD_FIELDS = {"left_out", "ended_after", "lock_version", "lock_first_seen", "holder_last_seen"}
_FAILED_BEFORE = "the last run failed before the exporter was upgraded"
_OLD_EFFECTS = {"updated_rows": RunEffect.UNKNOWN.value}

#: Every value of a restored memory has the type that it is declared with.
_CHECKED = TypeAdapter(ChangelogMemory)


def dump_memory(memory: ChangelogMemory) -> dict[str, Any]:
    """Return everything durable, as JSON."""
    nested = {
        "durations": memory.durations.dump(),
        "lock": memory.lock.dump(),
        "rollbacks": memory.rollbacks.dump(),
        "contents": memory.contents.known,
        "reports": memory.reports.dump(),
    }
    plain = replace(memory, lock=LockMemory(), reports=ReportMemory())
    fields = asdict(plain) | nested
    return {name: value for name, value in fields.items() if name not in _NOT_STORED}


def load_memory(state: Mapping[str, Any]) -> ChangelogMemory:
    """Restore what was dumped. Raises AttributeError, LookupError, TypeError or ValueError."""
    fields = {name: value for name, value in state.items() if name not in _OLD_FIELDS}
    fields |= _from_old(state)
    counters, failure = fields["counters"], fields.get("failure")
    deployment = fields.get("deployment")
    fields["deployment"] = Deployment(**deployment) if deployment is not None else None
    fields["counters"] = RowCounters(**counters) if counters is not None else None
    fields["failure"] = InferredFailure(**failure) if failure is not None else None
    fields["doubt"] = Continuity(fields.get("doubt", Continuity.SAME))
    reported = fields.get("reported_failure")
    fields["reported_failure"] = ReportedFailure(**reported) if reported is not None else None
    if "reports" in fields:
        fields["reports"] = ReportMemory.load(fields["reports"])
    else:
        fields["repaired_at"] = state.get("ended_after", 0.0)
    statements = fields.get("statements")
    fields["statements"] = LockStatements(**statements) if statements is not None else None
    last_run = fields["last_run"]
    fields["last_run"] = RunEffect(_OLD_EFFECTS.get(last_run, last_run))
    fields["lock"] = LockMemory.load(fields.get("lock", {}))
    contents = fields.get("contents", {}).items()
    fields["contents"] = SeenContents({name: (old, new) for name, (old, new) in contents})
    fields["rollbacks"] = RollbackMemory.load(fields.get("rollbacks", {}))
    fields["durations"] = DurationHistogram.load(fields["durations"])
    memory = _CHECKED.validate_python(asdict(ChangelogMemory(**fields)))
    memory.count_runs()
    return memory


def _from_old(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what 0.1 stored under other names, or computed again at each poll."""
    if "failure" in state:
        return {}
    found = dict[str, Any]()
    if not state.get("saw_lock_held") and state.get("unsettled_since") is None:
        found["settled_version"] = state.get("lock_version", "")
    left_out = state.get("left_out") or [""]
    if state.get("status") == "failed":
        found["failure"] = asdict(InferredFailure(_FAILED_BEFORE, left_out[0]))
    return found
