"""The results of one scrape of a target: from all databases, and about each collector."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pg_migration_exporter.collectors.server import SERVER, UP
from pg_migration_exporter.config.limits import What
from pg_migration_exporter.engine.baseline import TargetBaseline
from pg_migration_exporter.engine.plan import Plan
from pg_migration_exporter.engine.scrape_families import (
    CONNECTIONS,
    DATABASE_UP,
    DATABASES_LEFT_OUT,
    DURATION,
    LEFT_OUT,
    POOLED,
    SCRAPE_DURATION,
    SKIPPED,
    STATE_STORED,
    SUCCESS,
    SUPERUSER,
    WATCH_AGE,
)
from pg_migration_exporter.engine.watcher import Watcher
from pg_migration_exporter.metrics.families import Family, FamilySamples
from pg_migration_exporter.postgres.capabilities import Capabilities


@dataclass(frozen=True, slots=True)
class CollectorResult:
    """What a collector published in one database, the seconds until it did, what it left out."""

    seconds: float
    families: Sequence[FamilySamples]
    left_out: Mapping[What, int] = field(default_factory=dict)


@dataclass(slots=True)
class DatabaseScrape:
    """The results of one database so far, by collector.

    `capabilities` is None until the database answers.
    """

    plan: Plan
    datname: str | None = None
    capabilities: Capabilities | None = None
    results: dict[str, CollectorResult] = field(default_factory=dict)

    def failed(self) -> set[str]:
        """Return the collectors that run here and have no result."""
        return {collector.name for collector in self.plan.collectors} - self.results.keys()

    def left_out(self) -> Mapping[What, int]:
        """Return how many of each kind are not shown: the most of any collector."""
        most: dict[What, int] = {}
        for result in self.results.values():
            for what, number in result.left_out.items():
                most[what] = max(number, most.get(what, 0))
        return most

    def published(self) -> Iterator[FamilySamples]:
        """Yield the families of the collectors that answered, in the order of the plan."""
        for collector in self.plan.collectors:
            if collector.name in self.results:
                yield from self.results[collector.name].families


@dataclass(slots=True)
class Scrape:
    """One scrape, in progress or done; `families` works at any moment.

    The first of `databases` is the one of the connection string. `missing` are databases that the
    configuration names and the server does not offer, `left_out` is how many exceed the limit.
    """

    databases: list[DatabaseScrape]
    watcher: Watcher | None = None
    baseline: TargetBaseline | None = None
    started: float = field(default_factory=time.monotonic)
    connections: int = 0
    is_pooled: bool | None = None
    is_superuser: bool | None = None
    missing: Sequence[str] = ()
    left_out: int = 0

    @property
    def reached(self) -> bool:
        """Whether the server answered."""
        return SERVER.name in self.databases[0].results

    def families(self) -> Iterator[FamilySamples]:
        """Yield the families of all collectors that answered, and those about the scrape."""
        yield from self.published()
        if not self.reached:
            yield _single(UP, 0)
        yield from self._collector_families()
        yield self._database_families()
        yield _single(DATABASES_LEFT_OUT, self.left_out)
        yield self._left_out_family()
        yield _single(SCRAPE_DURATION, time.monotonic() - self.started)
        yield _single(CONNECTIONS, self.connections)
        yield _single(POOLED, self.is_pooled)
        yield _single(SUPERUSER, self.is_superuser)
        yield _single(WATCH_AGE, self.watcher.age if self.watcher else None)
        if self.baseline is not None:
            yield self.baseline.samples()
        yield _single(STATE_STORED, self.watcher.is_stored if self.watcher else None)

    def answered(self) -> dict[str, bool]:
        """Return whether each watched database answered, by name."""
        return dict.fromkeys(self.missing, False) | {
            database.datname: database.capabilities is not None
            for database in self.databases
            if database.datname
        }

    def failed(self) -> set[str]:
        """Return the collectors without a result in a database where they run."""
        return {name for database in self.databases for name in database.failed()}

    def published(self) -> Iterator[FamilySamples]:
        """Yield the families of the collectors that answered, each once for all databases."""
        by_name: dict[str, list[FamilySamples]] = {}
        for database in self.databases:
            for samples in database.published():
                by_name.setdefault(samples.family.name, []).append(samples)
        for parts in by_name.values():
            yield parts[0] if len(parts) == 1 else _merge(parts[0].family, parts)

    def samples_of(self, family: Family) -> FamilySamples:
        """Return the samples of one family in all databases."""
        parts = (part for database in self.databases for part in database.published())
        return _merge(family, (part for part in parts if part.family is family))

    def _collector_families(self) -> Iterator[FamilySamples]:
        success, skipped, duration = map(FamilySamples, (SUCCESS, SKIPPED, DURATION))
        failed = self.failed()
        for name in self._collectors():
            success.add(int(name not in failed), name)
        for name, reason in self._skipped():
            skipped.add(1, name, reason)
        for name, seconds in self._durations().items():
            duration.add(seconds, name)
        yield from (success, skipped, duration)

    def _collectors(self) -> Iterable[str]:
        """Return the names of the collectors that run, each once."""
        plans = (database.plan for database in self.databases)
        return dict.fromkeys(collector.name for plan in plans for collector in plan.collectors)

    def _skipped(self) -> Iterable[tuple[str, str]]:
        """Return the collectors that cannot run, with each reason once."""
        skipped = (skipped for database in self.databases for skipped in database.plan.skipped)
        return dict.fromkeys((item.collector.name, item.obstacle.reason) for item in skipped)

    def _durations(self) -> Mapping[str, float]:
        """Return the longest time of each collector, in seconds."""
        longest: dict[str, float] = {}
        for database in self.databases:
            for name, result in database.results.items():
                longest[name] = max(result.seconds, longest.get(name, 0.0))
        return longest

    def all_left_out(self) -> Mapping[tuple[str, What], int]:
        """Return how many of each kind are not shown, by database and kind."""
        found: dict[tuple[str, What], int] = {
            (database.datname or "", what): number
            for database in self.databases
            for what, number in database.left_out().items()
        }
        if self.left_out:
            found[self.databases[0].datname or "", "watched_databases"] = self.left_out
        return found

    def not_shown(self) -> Mapping[What, int]:
        """Return how many of each kind are not shown, in all databases together."""
        total: Counter[What] = Counter()
        for database in self.databases:
            total.update(database.left_out())
        return total

    def _left_out_family(self) -> FamilySamples:
        return FamilySamples(LEFT_OUT, [*self.all_left_out().items()])

    def _database_families(self) -> FamilySamples:
        up = FamilySamples(DATABASE_UP)
        for datname, answered in self.answered().items():
            up.add(int(answered), datname)
        return up


def _single(family: Family, value: float | None) -> FamilySamples:
    """Return a family without labels; no sample if the value is unknown."""
    return FamilySamples(family, [] if value is None else [((), value)])


def _merge(family: Family, parts: Iterable[FamilySamples]) -> FamilySamples:
    return FamilySamples(family, [sample for part in parts for sample in part.samples])
