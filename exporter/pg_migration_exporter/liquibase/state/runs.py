"""What the runs did that ended since the last poll, from the traces that they left.

Measured on Liquibase 4.20 to 5.0: a run updates the lock's row to take it and to release it. Its
rows are written in between, so their transactions are older than the release. A run that failed at
its first changeset leaves no row, like a rollback that failed and some commands with nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from pg_migration_exporter.liquibase.history.changes import ChangeKind, HistoryChanges
from pg_migration_exporter.liquibase.history.rollbacks import LastRun, RolledBack
from pg_migration_exporter.liquibase.history.statements import LockStatements
from pg_migration_exporter.liquibase.state.evidence import RunEffect


@dataclass(frozen=True, slots=True)
class Traces:
    """Everything that runs left between two polls.

    `lock_updates` counts updates of the lock's row, `deleted` deleted rows of the history; both
    arrive late from sessions that stay connected. `released_by` is the transaction of the lock's
    last release, None without a lock row. `statements` is None where they are not known.
    """

    changes: HistoryChanges
    lock_updates: int = 0
    deleted: int = 0
    saw_lock_held: bool = False
    released_by: int | None = None
    statements: LockStatements | None = None
    #: The lock's row was read shortly before: all that was left is of one command.
    is_sampled: bool = False

    @property
    def lock_cycles(self) -> int:
        """How often the lock was taken."""
        if self.statements is not None:
            return self.statements.takes
        return max(self.lock_updates // 2, int(self.saw_lock_held))

    @property
    def releases(self) -> int:
        """How often the lock was released in the last cycle: twice by update-count."""
        if self.statements is not None:
            extra = self.statements.releases > self.statements.takes > 0
        else:
            extra = self.lock_updates > 2 and self.lock_updates % 2 == 1
        return 2 if extra else 1


@dataclass(frozen=True, slots=True)
class EndedRun:
    """One run that ended, and the changesets (path::id::author) that it recorded."""

    effect: RunEffect
    recorded: tuple[str, ...] = ()
    #: It may have succeeded although changesets are pending: told to stop early, as by update-count
    #: or update-to-tag, and nothing written after its last changeset; or followed by a rollback.
    may_leave_pending: bool = False
    #: It released the lock twice, as update-count and update-to-tag do.
    released_twice: bool = False
    #: Its rows were written without a transaction between them: changelog-sync runs no changeset.
    is_consecutive: bool = False
    #: The DEPLOYMENT_IDs of the rows: one, unless several runs ended between two polls.
    deployments: tuple[str, ...] = ()
    last: LastRun = field(default_factory=LastRun)
    #: What was rolled back meanwhile; None if that is not known, or not yet.
    rolled_back: RolledBack | None = None
    #: A session waited for the lock before: it had nothing to do when it got it.
    has_waited: bool = False
    #: Whether what it rolled back has not arrived yet.
    is_late: bool = False


@dataclass(slots=True)
class _Explained:
    runs: list[EndedRun] = field(default_factory=list)
    cycles: int = 0

    def add(self, run: EndedRun, cycles: int = 1) -> None:
        self.runs.append(run)
        self.cycles += cycles


def ended_runs(traces: Traces) -> list[EndedRun]:
    """Return the runs that left these traces; those that left no row come first."""
    explained = _Explained()
    for run in _runs_with_rows(traces):
        replayed = run.effect is RunEffect.ADDED_ROWS and traces.deleted > 0
        explained.add(run, cycles=3 if replayed else 1)
    empty = max(traces.lock_cycles - explained.cycles, 0)
    is_sure = traces.saw_lock_held or traces.statements is not None or traces.is_sampled
    effect = RunEffect.LEFT_NO_ROW if is_sure else RunEffect.MAYBE_LEFT_NO_ROW
    return [EndedRun(effect, released_twice=traces.releases > 1)] * empty + explained.runs


def _runs_with_rows(traces: Traces) -> Iterator[EndedRun]:
    changes = traces.changes
    recorded = changes.of(ChangeKind.ADDED, ChangeKind.RERAN)
    if recorded:
        xids = [row.xid for row in recorded]
        yield EndedRun(
            RunEffect.ADDED_ROWS,
            tuple(row.identity for row in recorded),
            may_leave_pending=changes.removed > 0 or _stopped_early(traces, xids[-1]),
            is_consecutive=all(b - a == 1 for a, b in pairwise(xids)),
            deployments=tuple(sorted({row.deployment for row in recorded} - {""})),
        )
    if changes.removed or (traces.deleted and not recorded):
        yield EndedRun(RunEffect.REMOVED_ROWS)
    if changes.of(ChangeKind.CLEARED):
        yield EndedRun(RunEffect.CLEARED_CHECKSUMS)
    for _ in changes.of(ChangeKind.TAGGED):
        yield EndedRun(RunEffect.TAGGED)


def _stopped_early(traces: Traces, last_xid: int) -> bool:
    """Whether nothing was written between the last changeset and the two releases."""
    if traces.released_by is None or traces.releases == 1:
        return False
    return (traces.released_by - last_xid) % 2**32 == traces.releases
