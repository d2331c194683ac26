"""The facts about one changelog at one moment, without any conclusion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from pg_migration_exporter.formatting import shortened
from pg_migration_exporter.liquibase.locks.lock import Lock
from pg_migration_exporter.liquibase.state.recorded import RecordedChangesets


class TableAccess(StrEnum):
    """Whether Liquibase's tables could be read, or why not."""

    ABSENT = "absent"
    DROPPED = "dropped"
    NOT_GRANTED = "not_granted"
    #: By `liquibase.trusted_owners`, or because reading them could run code of others.
    REFUSED = "refused"
    BUSY = "busy"
    #: They hold what Liquibase does not write.
    UNFIT = "unfit"
    #: There are more changesets than the exporter keeps.
    TOO_LARGE = "too_large"
    COMPLETE = "complete"


class RunEffect(StrEnum):
    """What the last completed run did to the history, according to the row counters."""

    UNKNOWN = "unknown"
    ADDED_ROWS = "added_rows"
    TAGGED = "tagged"
    CLEARED_CHECKSUMS = "cleared_checksums"
    LEFT_NO_ROW = "left_no_row"
    #: As above, but no poll found the lock held: commands with nothing to do leave the same.
    MAYBE_LEFT_NO_ROW = "maybe_left_no_row"
    REMOVED_ROWS = "removed_rows"


@dataclass(frozen=True, slots=True)
class OtherPaths:
    """Pending changesets that the history has under other paths: a run from another root.

    Most paths in the history start with `in_history` where those of the files have `in_files`.
    """

    changesets: frozenset[str]
    in_history: str
    in_files: str


@dataclass(frozen=True, slots=True)
class ChangelogComparison:
    """The changelog files compared with the history; `unreadable` is why that is impossible."""

    pending: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    drifted: tuple[str, ...] = ()
    #: Changesets that the next update runs although they ran before (runAlways, runOnChange).
    rerun: tuple[str, ...] = ()
    #: Every changeset of the files.
    expected: frozenset[str] = frozenset()
    #: Those of them that certainly write when they run: DDL, or SQL that changes rows.
    writing: frozenset[str] = frozenset()
    unreadable: str | None = None
    other_paths: OtherPaths | None = None
    #: The changesets of each root changelog, if there are several.
    roots: tuple[frozenset[str], ...] = ()
    #: How many recorded changesets have a checksum that only Liquibase can compare.
    unchecked: int = 0
    #: Changesets that have not run and need not: an update goes on if they fail or are skipped.
    skippable: tuple[str, ...] = ()
    #: Pending changesets that ran and were edited; only Liquibase can tell if they run again.
    edited: tuple[str, ...] = ()

    def left_out(self, recorded: Iterable[str]) -> list[str]:
        """Return what is pending of the roots that have one of the recorded changesets."""
        return self._of_same_roots(self.pending, set(recorded))

    def not_run_again(self, recorded: Iterable[str]) -> list[str]:
        """Return what runs again in each update of these roots, and was not recorded."""
        identities = set(recorded)
        names = [name for name in self.rerun if name not in identities | set(self.pending)]
        return self._of_same_roots(names, identities)

    def _of_same_roots(self, names: Iterable[str], recorded: set[str]) -> list[str]:
        others = [root for root in self.roots if not root & recorded]
        return [name for name in names if not any(name in root for root in others)]

    @property
    def missing(self) -> tuple[str, ...]:
        """The pending changesets that the history does not have under another path either."""
        moved = self.other_paths.changesets if self.other_paths else frozenset[str]()
        return tuple(changeset for changeset in self.pending if changeset not in moved)


@dataclass(frozen=True, slots=True)
class InferredFailure:
    """A run that must have failed, as far as its traces tell.

    `changeset` is its shortened identity if it is known.
    """

    reason: str
    changeset: str = ""
    #: What else would have left the same traces.
    doubt: str = ""
    #: The server's log has the error.
    is_logged: bool = False

    def is_gone(self, files: ChangelogComparison) -> bool:
        """Whether the files no longer have the changeset; a failure may name none."""
        if not self.changeset:
            return False
        return self.changeset not in map(shortened, files.expected)


@dataclass(frozen=True, slots=True)
class ReportedRun:
    """A run as its wrapper reported it. Times in seconds since the epoch, on the wrapper's clock.

    `ended_at` is None if no end was reported: the run goes on, or its wrapper was killed.
    """

    failed: bool
    ended_at: float | None
    changeset: str = ""
    reason: str = ""
    under_way: bool = False
    run_id: str = ""
    #: Seconds.
    duration: float = 0.0
    #: Ended by a signal.
    is_interrupted: bool = False
    #: Without an exit code: it ran in an application.
    is_embedded: bool = False
    command: str = ""
    changelog_file: str = ""
    #: The DEPLOYMENT_ID of its rows, "" if it is not known.
    deployment: str = ""
    #: None if it is not known whether the run took the lock.
    lock_taken: bool | None = None
    #: The changesets that it recorded, as far as they are reported.
    recorded: RecordedChangesets = field(default_factory=RecordedChangesets)
    #: Whether all changesets are reported.
    is_complete: bool = True
    #: Whether the run had ended before the exporter started.
    was_there: bool = False


@dataclass(frozen=True, slots=True)
class ReportedFailure:
    """A reported failure that no later run has repaired; received at `at`, by the server's clock.

    `run_id` is that of the report.
    """

    run_id: str
    at: float
    reason: str
    changeset: str = ""
    is_interrupted: bool = False
    changelog_file: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything from which the state of a migration is decided."""

    table_access: TableAccess
    #: What is wrong with unfit tables.
    problem: str = ""
    lock: Lock = field(default_factory=lambda: Lock(locked=False))
    #: Number of Liquibase sessions at work.
    sessions: int = 0
    #: Kind of statement that one of these sessions is executing.
    statement: str = ""
    blocked: bool = False
    #: Number of changesets in the history.
    applied: int = 0
    #: Number of runs that ended since the previous poll.
    runs_ended: int = 0
    last_run: RunEffect = RunEffect.UNKNOWN
    #: Number of rows that were removed without the lock since the last run.
    removed_by_hand: int = 0
    #: Rows were written by a run that has not been counted yet: it goes on or has just ended.
    is_recording: bool = False
    #: The failure that no later run has repaired.
    inferred_failure: InferredFailure | None = None
    #: Why it is not known how the last run ended.
    unknown_outcome: str = ""
    #: Nothing shows how the last run ended, as on a standby: it recorded changesets.
    is_unproven: bool = False
    #: The lock table was dropped since the tables were found.
    has_lost_lock: bool = False
    #: The reported failure that no later run has repaired.
    reported_failure: ReportedFailure | None = None
    acknowledged: bool = False
    #: None without configured changelog files.
    files: ChangelogComparison | None = None
    #: The last run by the wrappers' clocks.
    reported_run: ReportedRun | None = None
    #: HOST:PORT of other servers with a report about a history of the same name.
    reported_elsewhere: tuple[str, ...] = ()
    stale_lock_after: float = 10.0

    @property
    def reported_running(self) -> bool:
        """Whether the wrapper reports that Liquibase is running."""
        return self.reported_run is not None and self.reported_run.under_way

    @property
    def comparison(self) -> ChangelogComparison | None:
        """The comparison with the changelog files, if they are configured and readable."""
        return None if self.files is None or self.files.unreadable else self.files
