"""What is remembered of index builds in one database, also over a restart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from pg_migration_exporter.collectors.index_builds.progress import Progress
from pg_migration_exporter.collectors.index_builds.snapshot import BuildSnapshot, StatementId
from pg_migration_exporter.collectors.index_builds.tracked_build import Outcome, TrackedBuild
from pg_migration_exporter.events import EventKind
from pg_migration_exporter.metrics.histograms import DurationHistogram

COMMANDS = (
    "CREATE INDEX",
    "CREATE INDEX CONCURRENTLY",
    "REINDEX",
    "REINDEX CONCURRENTLY",
    "ALTER TABLE",
)
OUTCOMES: tuple[Outcome, ...] = ("completed", "failed", "invalid")


class _BuildKey(NamedTuple):
    """A statement may build several indexes."""

    statement: StatementId
    relid: int
    index_relid: int


@dataclass(frozen=True, slots=True)
class BuildChange:
    """A build that began or entered another phase."""

    kind: EventKind
    build: TrackedBuild


@dataclass(frozen=True, slots=True)
class InvalidIndex:
    """An index that no query uses and every write maintains; `since` is when it was first seen."""

    schemaname: str
    relname: str
    indexrelname: str
    since: float


#: Every value of a restored index has the type that it is declared with.
_INVALID = TypeAdapter(dict[int, InvalidIndex])


@dataclass(slots=True)
class IndexBuildMemory:
    """The builds in progress, the counts of those that ended, and the invalid indexes by OID.

    Times are the server's, in seconds since the epoch; `invalid_read_at` is time.monotonic(). Reads
    are numbered: scrapes and the watcher may get their answers in another order than they asked,
    and clocks may be set back.
    """

    builds: list[TrackedBuild] = field(default_factory=list)
    counts: dict[str, dict[Outcome, int]] = field(
        default_factory=lambda: {command: dict.fromkeys(OUTCOMES, 0) for command in COMMANDS}
    )
    durations: dict[str, DurationHistogram] = field(
        default_factory=lambda: {command: DurationHistogram() for command in COMMANDS}
    )
    invalid: dict[int, InvalidIndex] = field(default_factory=dict)
    invalid_read_at: float = -float("inf")
    updated_at: float = 0.0
    reads_begun: int = 0
    latest_read: int = 0
    _progress: dict[_BuildKey, Progress] = field(default_factory=dict)

    def begin_read(self) -> int:
        """Return the number of a read that is about to begin."""
        self.reads_begun += 1
        return self.reads_begun

    def update(
        self, snapshots: Sequence[BuildSnapshot], now: float, read_number: int
    ) -> list[BuildChange]:
        """Take the snapshots of one read; return what began or entered another phase."""
        if read_number < self.latest_read:
            return []
        self.updated_at, self.latest_read = now, read_number
        self._progress = {_key(snapshot): self.progress_of(snapshot) for snapshot in snapshots}
        return [change for snapshot in snapshots for change in self._track(snapshot)]

    def progress_of(self, snapshot: BuildSnapshot) -> Progress:
        """Return the progress of the build over time."""
        return self._progress.get(_key(snapshot)) or Progress()

    def take_ended(
        self, snapshots: Sequence[BuildSnapshot], read_number: int
    ) -> list[TrackedBuild]:
        """Remove and return the builds whose statement a read did not find.

        A statement may build several indexes: all of them end with it.
        """
        present = {snapshot.statement for snapshot in snapshots}
        ended = [
            build
            for build in self.builds
            if build.statement not in present and build.read_number < read_number
        ]
        self.builds = [build for build in self.builds if build not in ended]
        return ended

    def count(self, build: TrackedBuild, outcome: Outcome) -> None:
        """Count a build that ended."""
        self.counts[build.command][outcome] += 1
        if outcome == "completed":
            self.durations[build.command].observe(build.seconds)

    def dump(self) -> dict[str, Any]:
        """Return what must outlive the process (engine.store.Durable)."""
        return {
            "builds": [build.dump() for build in self.builds],
            "counts": self.counts,
            "durations": {command: item.dump() for command, item in self.durations.items()},
            "invalid": {str(oid): asdict(index) for oid, index in self.invalid.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `dump` returned."""
        builds = [TrackedBuild.load(build) for build in state["builds"]]
        durations = {name: DurationHistogram.load(state["durations"][name]) for name in COMMANDS}
        counts = {
            name: {outcome: int(state["counts"][name][outcome]) for outcome in OUTCOMES}
            for name in COMMANDS
        }
        self.invalid = _INVALID.validate_python(
            {int(oid): asdict(InvalidIndex(**index)) for oid, index in state["invalid"].items()}
        )
        self.builds, self.durations, self.counts = builds, durations, counts

    def _track(self, snapshot: BuildSnapshot) -> list[BuildChange]:
        if snapshot.ratio is not None:
            self._progress[_key(snapshot)].update(snapshot.ratio, snapshot.now)
        of_statement = [build for build in self.builds if build.statement == snapshot.statement]
        build = next((build for build in of_statement if build.matches(snapshot)), None)
        if build is None:
            began = snapshot.now if of_statement else snapshot.statement.query_start
            build = TrackedBuild.begin(snapshot, began, self.latest_read)
            self.builds.append(build)
            return [BuildChange(EventKind.INDEX_BUILD_STARTED, build)]
        has_new_phase = build.phase != snapshot.phase
        build.update(snapshot, self.latest_read)
        return [BuildChange(EventKind.INDEX_BUILD_PHASE, build)] if has_new_phase else []


def _key(snapshot: BuildSnapshot) -> _BuildKey:
    return _BuildKey(snapshot.statement, snapshot.relid, snapshot.index_relid)
