"""What one scrape of a target has found: the families of all its databases, and what is said of
each collector."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from pg_migration_exporter.collectors.server import SERVER, UP
from pg_migration_exporter.engine.database import Part
from pg_migration_exporter.engine.watcher import Watcher
from pg_migration_exporter.metrics.families import Family, FamilySamples

SUCCESS = Family(
    "migration_exporter_collector_success",
    "gauge",
    "1 if the collector answered in this scrape, in every database where it runs; 0 if it failed "
    "or ran out of time.",
    ("collector",),
)
DURATION = Family(
    "migration_exporter_collector_duration_seconds",
    "gauge",
    "Time until the collector answered, the statements sent before its own included; of several "
    "databases, the longest.",
    ("collector",),
)
SKIPPED = Family(
    "migration_exporter_collector_skipped",
    "gauge",
    "1 for each collector that cannot run on this server or with this role, with the reason.",
    ("collector", "reason"),
)
DATABASE_UP = Family(
    "migration_exporter_database_up",
    "gauge",
    "1 for each watched database that answered in this scrape, 0 for one that did not.",
    ("datname",),
)
LEFT_OUT = Family(
    "migration_exporter_databases_left_out",
    "gauge",
    "Databases that the configuration names and that are beyond its limit.",
)
SCRAPE_DURATION = Family(
    "migration_exporter_scrape_duration_seconds", "gauge", "Time that this scrape took."
)
CONNECTIONS = Family(
    "migration_exporter_connections", "gauge", "Connections that the exporter has to the server."
)
POOLED = Family(
    "migration_exporter_connection_pooled",
    "gauge",
    "1 if the exporter reaches the server through a connection pooler, 0 if directly.",
)
WATCH_AGE = Family(
    "migration_exporter_watch_age_seconds",
    "gauge",
    "Time since the watcher last looked at everything; absent before its first look.",
)
STATE_STORED = Family(
    "migration_exporter_state_stored",
    "gauge",
    "1 while what the watcher remembers is kept in the state directory, 0 if a restart forgets it.",
)

#: What a scrape says of itself, beside the families of the collectors.
FAMILIES = (
    SUCCESS,
    DURATION,
    SKIPPED,
    DATABASE_UP,
    LEFT_OUT,
    SCRAPE_DURATION,
    CONNECTIONS,
    POOLED,
    WATCH_AGE,
    STATE_STORED,
)


@dataclass(slots=True)
class Scrape:
    """One scrape under way or done; `families` may be asked for at any moment.

    The first of `parts` is the database that is connected to. `missing` are databases that the
    configuration names and the server does not offer, `left_out` how many are beyond the limit.
    """

    parts: list[Part]
    watcher: Watcher | None = None
    started: float = field(default_factory=time.monotonic)
    connections: int = 0
    is_pooled: bool | None = None
    missing: list[str] = field(default_factory=list)
    left_out: int = 0

    @property
    def reached(self) -> bool:
        """Whether the server answered."""
        return SERVER.name in self.parts[0].answered

    def families(self) -> Iterator[FamilySamples]:
        """Everything known now: families of collectors that answered, and what is said of each."""
        yield from self.published()
        if not self.reached:
            yield FamilySamples(UP, [((), 0)])
        yield from self._about_collectors()
        yield from self._about_databases()
        yield FamilySamples(SCRAPE_DURATION, [((), time.monotonic() - self.started)])
        yield FamilySamples(CONNECTIONS, [((), self.connections)])
        pooled = FamilySamples(POOLED)
        if self.is_pooled is not None:
            pooled.add(int(self.is_pooled))
        yield pooled
        yield from self._about_watcher()

    def databases(self) -> dict[str, bool]:
        """Whether each watched database answered, by name."""
        found = dict.fromkeys(self.missing, False)
        return found | {part.datname: part.now is not None for part in self.parts if part.datname}

    def failed(self) -> set[str]:
        """Collectors that did not answer in a database where they run."""
        return {
            one.name
            for part in self.parts
            for one in part.plan.collectors
            if one.name not in part.answered
        }

    def published(self) -> Iterator[FamilySamples]:
        """The families of the collectors that answered, each once, with all databases' samples."""
        found: dict[str, list[FamilySamples]] = {}
        for part in self.parts:
            for collector in part.plan.collectors:
                for samples in part.answered.get(collector.name, (0, ()))[1]:
                    found.setdefault(samples.family.name, []).append(samples)
        for same in found.values():
            yield same[0] if len(same) == 1 else _merge(same, same[0].family)

    def samples_of(self, family: Family) -> FamilySamples:
        """What the collectors published of one family, in all databases."""
        answers = (found for part in self.parts for _, found in part.answered.values())
        return _merge([one for found in answers for one in found if one.family is family], family)

    def _about_collectors(self) -> Iterator[FamilySamples]:
        success, skipped, duration = (FamilySamples(one) for one in (SUCCESS, SKIPPED, DURATION))
        failed, times, reasons = self.failed(), dict[str, float](), dict[tuple[str, str], None]()
        for part in self.parts:
            times |= {
                name: max(seconds, times.get(name, 0.0))
                for name, (seconds, _) in part.answered.items()
            }
            reasons |= {(one.name, obstacle.reason): None for one, obstacle in part.plan.skipped}
        names = [one.name for part in self.parts for one in part.plan.collectors]
        for name in dict.fromkeys(names):
            success.add(int(name not in failed), name)
        for labels in reasons:
            skipped.add(1, *labels)
        for name, seconds in times.items():
            duration.add(seconds, name)
        yield from (success, skipped, duration)

    def _about_databases(self) -> Iterator[FamilySamples]:
        up = FamilySamples(DATABASE_UP)
        for datname, answered in self.databases().items():
            up.add(int(answered), datname)
        yield up
        yield FamilySamples(LEFT_OUT, [((), self.left_out)])

    def _about_watcher(self) -> Iterator[FamilySamples]:
        age, stored = FamilySamples(WATCH_AGE), FamilySamples(STATE_STORED)
        if self.watcher is not None:
            stored.add(int(self.watcher.remembers))
            if self.watcher.age is not None:
                age.add(self.watcher.age)
        yield from (age, stored)


def _merge(same: list[FamilySamples], family: Family) -> FamilySamples:
    return FamilySamples(family, [sample for one in same for sample in one.samples])
