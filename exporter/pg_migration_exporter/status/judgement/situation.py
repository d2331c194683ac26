"""What the verdict on a target is made from: one scrape, and what is known beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.scrape import Scrape
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.status.health import reason_of
from pg_migration_exporter.status.samples import Samples


@dataclass(frozen=True, slots=True)
class Situation:
    """One target at one moment.

    `reached` is None before the first scrape, `problem` is why it failed, `failures` are those of
    all connections. `left_out` are databases, `unread` histories of each database, beyond the
    limits. `silent` are the collectors that gave no answer, with the reason. `latencies` are 95th
    percentiles in seconds by database, where there were statements enough. `age` is how long the
    target is observed.
    """

    settings: Settings
    samples: Samples = field(default_factory=lambda: Samples(()))
    reached: bool | None = True
    problem: str = ""
    failures: Sequence[str] = ()
    databases: Mapping[str, bool] = field(default_factory=dict)
    left_out: int = 0
    unread: Mapping[str, int] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)
    watch_age: float | None = 0.0
    latencies: Mapping[str, float] = field(default_factory=dict)
    age: float = 0.0


def situation(
    target: Target, scrape: Scrape | None, latencies: Mapping[str, float], age: float
) -> Situation:
    """Return the situation of a target after a scrape."""
    if scrape is None:
        return Situation(target.settings, reached=None, age=age)
    main = target.databases()[0]
    return Situation(
        settings=target.settings,
        samples=Samples(scrape.published()),
        reached=scrape.reached,
        problem=main.failures.current("scrape") or "no answer in time",
        failures=_failures(target),
        databases=scrape.answered(),
        left_out=scrape.left_out,
        unread=_unread(scrape),
        silent=_silent(target, scrape),
        watch_age=scrape.watcher.age if scrape.watcher else None,
        latencies=latencies,
        age=age,
    )


def _failures(target: Target) -> list[str]:
    """Return why scrapes and polls of the databases fail."""
    failures = [
        database.failures.current(subject)
        for database in target.databases()
        for subject in ("scrape", "watcher")
    ]
    return [failure for failure in failures if failure]


def _unread(scrape: Scrape) -> dict[str, int]:
    """Return how many histories of each database are not read, because there are too many."""
    left_out = scrape.all_left_out().items()
    return {datname: number for (datname, what), number in left_out if what == "histories"}


def _silent(target: Target, scrape: Scrape) -> dict[str, str]:
    """Return the collectors that gave no answer or cannot run, with the reason."""
    databases = target.databases()
    failed = {name: reason_of(name, databases) for name in sorted(scrape.failed())}
    plans = [database.plan for database in scrape.databases]
    ran = {collector.name for plan in plans for collector in plan.collectors}
    skipped = {item.collector.name: item.obstacle.reason for plan in plans for item in plan.skipped}
    missing = {
        name: skipped.get(name, "disabled, or not for this server")
        for name in target.settings.verdict.collectors
        if name not in ran
    }
    return skipped | missing | failed
