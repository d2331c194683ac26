"""The health of the server and of the exporter: collectors, pools, replication."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pg_migration_exporter.collectors.checks import collector_of
from pg_migration_exporter.collectors.pools import POOL_UTILIZATION
from pg_migration_exporter.collectors.replication import LAG_SECONDS
from pg_migration_exporter.collectors.server import START_TIME
from pg_migration_exporter.engine.database import Database
from pg_migration_exporter.engine.scrape import Scrape
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.postgres.conninfo import describe_server
from pg_migration_exporter.status.model import Collector, Pool, Replica, Server
from pg_migration_exporter.status.samples import Samples

_NO_ANSWER = "no answer in time"


def server(target: Target, scrape: Scrape | None, samples: Samples) -> Server:
    """Return the server, and why it cannot be reached."""
    address = describe_server(target.settings.postgres)
    if scrape is None:
        return Server(address=address, reached=None)
    reached = scrape.reached
    main = target.databases()[0]
    known = main.capabilities
    return Server(
        address=address,
        reached=reached,
        problem=None if reached else _first_line(main.failures.current("scrape")),
        version=known.version if known else None,
        role=known.role if known else None,
        started=samples.number(START_TIME),
    )


def collectors(target: Target, scrape: Scrape | None) -> list[Collector]:
    """Return every collector of the scrape, failed ones first.

    Without those of checks, which are shown as checks.
    """
    if scrape is None:
        return []
    found = [*_failed(target, scrape), *_skipped(scrape), *_answered(scrape)]
    of_checks = {collector_of(check) for check in target.settings.checks}
    first = {
        collector.name: collector
        for collector in reversed(found)
        if collector.name not in of_checks
    }
    return list(first.values())[::-1]


def _failed(target: Target, scrape: Scrape) -> Iterator[Collector]:
    """Yield those that failed in a database, with the first reason."""
    for name in sorted(scrape.failed()):
        reason = reason_of(name, target.databases())
        yield Collector(name=name, state="failed", reason=reason, seconds=None)


def reason_of(name: str, databases: Iterable[Database]) -> str:
    """Return why a collector failed: the first reason of the databases."""
    reasons = (database.failures.current(name) for database in databases)
    return _first_line(next((reason for reason in reasons if reason), None))


def _skipped(scrape: Scrape) -> Iterator[Collector]:
    for database in scrape.databases:
        plan = database.plan
        for skipped in plan.skipped:
            assert plan.capabilities is not None
            remedy = skipped.obstacle.remedy_for(plan.capabilities)
            yield Collector(
                name=skipped.collector.name, state="skipped", reason=remedy, seconds=None
            )


def _answered(scrape: Scrape) -> Iterator[Collector]:
    for database in scrape.databases:
        for name, result in database.results.items():
            yield Collector(name=name, state="answered", reason=None, seconds=result.seconds)


def pools(samples: Samples) -> list[Pool]:
    """Return the connection pools, the fullest first."""
    found = [
        Pool.model_validate({"type": labels["pool_type"], "name": labels["pool"], "used": used})
        for labels, used in samples.rows(POOL_UTILIZATION)
    ]
    return sorted(found, key=lambda pool: -pool.used)


def replicas(samples: Samples) -> list[Replica]:
    """Return the standbys, the one with the most lag first."""
    found = [
        Replica.model_validate({"name": labels["replica"], "lag_seconds": lag})
        for labels, lag in samples.rows(LAG_SECONDS)
    ]
    return sorted(found, key=lambda replica: -replica.lag_seconds)


def _first_line(failure: str | None) -> str:
    """Return the first line; psycopg adds our SQL below it."""
    return (failure or _NO_ANSWER).strip().partition("\n")[0]
