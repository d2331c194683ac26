"""A changelog that is polled, and the result of one poll."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from pg_migration_exporter.liquibase.history.history import History
from pg_migration_exporter.liquibase.history.tables import ChangelogTables
from pg_migration_exporter.liquibase.locks.work import SessionsAtWork
from pg_migration_exporter.liquibase.state.changelog_files import ChangelogFiles
from pg_migration_exporter.liquibase.state.decide import Decision
from pg_migration_exporter.liquibase.state.evidence import ChangelogComparison, Evidence
from pg_migration_exporter.liquibase.state.judged_runs import JudgedRuns
from pg_migration_exporter.liquibase.state.memory import ChangelogMemory
from pg_migration_exporter.liquibase.state.runs import EndedRun

#: Seconds until a history is read again that is not as expected.
_REFUSED_FOR = 60.0


@dataclass(slots=True)
class TrackedChangelog:
    """One changelog: its current tables, and everything remembered about it."""

    tables: ChangelogTables
    memory: ChangelogMemory
    history: History = field(default_factory=History)
    files: ChangelogFiles | None = None
    work: SessionsAtWork = field(default_factory=SessionsAtWork)
    shares_lock: bool = False
    #: Whether a subscription writes its lock: its runs are those of another server.
    is_replicated: bool = False
    #: The runs that ended last.
    judged: JudgedRuns | None = None
    #: The latest poll that found nothing in progress; seconds since the epoch.
    quiet_at: float = 0.0
    #: Process IDs of the sessions that have held the lock since then.
    holders: frozenset[int] = frozenset()
    #: When pg_stat_statements is read again that was unreadable (time.monotonic).
    statements_due_at: float = 0.0
    #: What the files expected at the previous poll, None before it could be compared.
    _expected: frozenset[str] | None = None
    had_pending: bool = False
    #: Why its history is not read, and until when (time.monotonic).
    _refused: Evidence | None = None
    _refused_until: float = 0.0

    @property
    def name(self) -> str:
        """The value of the label `changelog`: schema.table."""
        return self.tables.name

    @property
    def refused(self) -> Evidence | None:
        """Why its history is not read for now; None if it is."""
        return self._refused if time.monotonic() < self._refused_until else None

    def refuse(self, evidence: Evidence) -> Evidence:
        """Do not read it again soon, since that is expensive; return the reason."""
        self._refused, self._refused_until = evidence, time.monotonic() + _REFUSED_FOR
        return evidence

    def record_files(self, comparison: ChangelogComparison) -> None:
        """Remember what the files expect: a run that ends later may have known it."""
        self._expected, self.had_pending = comparison.expected, bool(comparison.pending)

    def expected_by(
        self, run: EndedRun, comparison: ChangelogComparison | None, began: float
    ) -> frozenset[str]:
        """Return the changesets that a run had to apply: not those that came after it began.

        A run that recorded a new changeset, or took the lock when nothing was pending, knew the new
        files.
        """
        if comparison is None:
            return frozenset()
        if self._expected is None or self.files is None or self.files.changed_at <= began:
            return comparison.expected
        added = set(run.recorded) & (comparison.expected - self._expected)
        had_nothing_to_do = not run.recorded and not self.had_pending
        return comparison.expected if added or had_nothing_to_do else self._expected


@dataclass(frozen=True, slots=True)
class ChangelogSnapshot:
    """The result of one poll: evidence, and the state decided from it.

    `changelog` is schema.table, or "" for a database without Liquibase tables.
    """

    changelog: str
    evidence: Evidence
    decision: Decision
