"""What is remembered of index builds in one database, over a restart too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pg_migration_exporter.collectors.index_builds.builds import Build, Outcome, Sighting
from pg_migration_exporter.collectors.index_builds.progress import Progress
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

_Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class InvalidIndex:
    """An index that nothing uses and every write maintains; `since` is when it was first seen."""

    schemaname: str
    relname: str
    indexrelname: str
    since: float


@dataclass(slots=True)
class IndexBuildMemory:
    """Builds under way and how far they are; builds that ended; invalid indexes by their oid.

    Times are the server's, in seconds since the epoch; `invalid_looked_at` is time.monotonic().
    Looks have numbers: those of a scrape and of the watcher may be answered in another order than
    they were taken in, and a clock may be set.
    """

    builds: list[Build] = field(default_factory=list)
    counts: dict[str, dict[Outcome, int]] = field(
        default_factory=lambda: {one: dict.fromkeys(OUTCOMES, 0) for one in COMMANDS}
    )
    durations: dict[str, DurationHistogram] = field(
        default_factory=lambda: {one: DurationHistogram() for one in COMMANDS}
    )
    invalid: dict[int, InvalidIndex] = field(default_factory=dict)
    invalid_looked_at: float = -float("inf")
    seen_at: float = 0.0
    begun: int = 0
    latest: int = 0
    courses: dict[_Key, Progress] = field(default_factory=dict)

    def begin_look(self) -> int:
        """The number of a look that is about to be taken."""
        self.begun += 1
        return self.begun

    def see(
        self, sightings: Sequence[Sighting], now: float, look: int
    ) -> list[tuple[EventKind, Build]]:
        """Note one look, taken at `now`; what began and what went into another phase."""
        if look < self.latest:
            return []
        self.seen_at, self.latest = now, look
        self.courses = {self._key(one): self.course(one) for one in sightings}
        return [event for one in sightings for event in self._see_one(one)]

    def course(self, seen: Sighting) -> Progress:
        """How far this build has come."""
        return self.courses.get(self._key(seen)) or Progress()

    def take_ended(self, sightings: Sequence[Sighting], look: int) -> list[Build]:
        """Take out the builds whose statement a look did not see; give back what has not ended.

        A statement may build several indexes: all of them end with it.
        """
        present = {one.statement for one in sightings}
        ended = [
            build for build in self.builds if build.statement not in present and build.look < look
        ]
        self.builds = [build for build in self.builds if build not in ended]
        return ended

    def count(self, build: Build, outcome: Outcome) -> None:
        """Count a build that ended."""
        self.counts[build.command][outcome] += 1
        if outcome == "completed":
            self.durations[build.command].observe(build.seconds)

    def dump(self) -> dict[str, Any]:
        """What a restart must not forget (watch.store.Durable)."""
        return {
            "builds": [build.dump() for build in self.builds],
            "counts": self.counts,
            "durations": {name: one.dump() for name, one in self.durations.items()},
            "invalid": {str(oid): asdict(index) for oid, index in self.invalid.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `dump` returned."""
        builds = [Build.load(build) for build in state["builds"]]
        durations = {name: DurationHistogram.load(state["durations"][name]) for name in COMMANDS}
        counts = {
            name: {outcome: int(state["counts"][name][outcome]) for outcome in OUTCOMES}
            for name in COMMANDS
        }
        self.invalid = {int(oid): InvalidIndex(**one) for oid, one in state["invalid"].items()}
        self.builds, self.durations, self.counts = builds, durations, counts

    def _see_one(self, seen: Sighting) -> list[tuple[EventKind, Build]]:
        if seen.ratio is not None:
            self.courses[self._key(seen)].see(seen.ratio, seen.now)
        known = [build for build in self.builds if build.statement == seen.statement]
        build = next((build for build in known if build.is_of(seen)), None)
        if build is None:
            began = seen.now if known else seen.statement[2]
            self.builds.append(Build.begin(seen, began, self.latest))
            return [(EventKind.INDEX_BUILD_STARTED, self.builds[-1])]
        changed = build.phase != seen.phase
        build.see(seen, self.latest)
        return [(EventKind.INDEX_BUILD_PHASE, build)] if changed else []

    @staticmethod
    def _key(seen: Sighting) -> _Key:
        return (*seen.statement, seen.relid, seen.index_relid)
