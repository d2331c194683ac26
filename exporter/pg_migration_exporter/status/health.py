"""How the server and the exporter itself are: reachability, collectors, pools, replication."""

from __future__ import annotations

from collections.abc import Iterator

from pg_migration_exporter.collectors.connections import UTILIZATION
from pg_migration_exporter.collectors.replication import LAG_SECONDS
from pg_migration_exporter.collectors.server import START_TIME
from pg_migration_exporter.plan import Plan
from pg_migration_exporter.postgres.conninfo import describe_server
from pg_migration_exporter.scrape import Scrape, Target
from pg_migration_exporter.status.model import Collector, Pool, Replica, Server
from pg_migration_exporter.status.samples import Samples

_LATE = "no answer in time"


def server(target: Target, scrape: Scrape | None, samples: Samples) -> Server:
    """The server, and why it is not reached."""
    address = describe_server(target.settings.postgres)
    if scrape is None:
        return Server(address=address, reached=None)
    reached = scrape.reached
    known = scrape.plan.capabilities if scrape.plan else None
    return Server(
        address=address,
        reached=reached,
        problem=None if reached else _first_line(target.complaints.present("scrape")),
        version=known.version if known else None,
        role=known.role if known else None,
        started=samples.number(START_TIME),
    )


def collectors(target: Target, scrape: Scrape | None) -> list[Collector]:
    """Every collector that was asked to run, those that did not answer first."""
    plan = (scrape.plan if scrape else None) or Plan()
    found = [*_run(target, scrape, plan), *_skipped(plan)]
    return sorted(found, key=lambda one: one.state == "answered")


def _run(target: Target, scrape: Scrape | None, plan: Plan) -> Iterator[Collector]:
    answered = scrape.answered if scrape else {}
    for one in plan.collectors:
        if one.name in answered:
            seconds = answered[one.name][0]
            yield Collector(name=one.name, state="answered", reason=None, seconds=seconds)
        else:
            reason = _first_line(target.complaints.present(one.name))
            yield Collector(name=one.name, state="failed", reason=reason, seconds=None)


def _skipped(plan: Plan) -> Iterator[Collector]:
    for one, obstacle in plan.skipped:
        assert plan.capabilities is not None
        remedy = obstacle.remedy_for(plan.capabilities)
        yield Collector(name=one.name, state="skipped", reason=remedy, seconds=None)


def pools(samples: Samples) -> list[Pool]:
    """Pools of connections, the fullest first."""
    found = [
        Pool.model_validate({"type": labels["pool_type"], "name": labels["pool"], "used": used})
        for labels, used in samples.rows(UTILIZATION)
    ]
    return sorted(found, key=lambda one: -one.used)


def replicas(samples: Samples) -> list[Replica]:
    """Standbys, the one that is furthest behind first."""
    found = [
        Replica.model_validate({"name": labels["replica"], "lag_seconds": lag})
        for labels, lag in samples.rows(LAG_SECONDS)
    ]
    return sorted(found, key=lambda one: -one.lag_seconds)


def _first_line(complaint: str | None) -> str:
    """What is wrong; what psycopg adds below is our own SQL."""
    return (complaint or _LATE).strip().partition("\n")[0]
