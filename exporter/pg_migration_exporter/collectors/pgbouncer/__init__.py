"""PgBouncer, from its admin console. It is asked only where the configuration names it.

PgBouncer that does not answer costs these families alone: `pgbouncer_up` is 0, and no other is
there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg

from pg_migration_exporter.collectors.base import Collector, Scope
from pg_migration_exporter.collectors.pgbouncer.console import Console, Record
from pg_migration_exporter.collectors.pgbouncer.families import (
    CONFIG,
    FAMILIES,
    LISTS,
    SHOWS,
    UP,
    VERSION,
    Show,
)
from pg_migration_exporter.collectors.pgbouncer.limits import limits
from pg_migration_exporter.collectors.pools import POOL_FAMILIES, add_pool
from pg_migration_exporter.complaints import Complaints
from pg_migration_exporter.config import Settings
from pg_migration_exporter.errors import ConfigError


class Bouncer:
    """The console, and what is wrong with it now."""

    def __init__(self, settings: Settings) -> None:
        self.console = Console(settings.pgbouncer)
        self.complaints = Complaints()
        self.timeout = settings.pgbouncer.timeout


async def collect(collector: Collector, scope: Scope) -> None:  # noqa: ARG001 - the contract
    """Ask PgBouncer everything, or say that it is down."""
    bouncer: Bouncer = scope.memory
    try:
        answers = await bouncer.console.show()
    except TimeoutError:
        _fail(scope, f"no answer in {bouncer.timeout:g} s")
    except (psycopg.Error, ConfigError, OSError) as error:
        _fail(scope, str(error))
    else:
        bouncer.complaints.hear("pgbouncer", None)
        scope.add(UP, 1)
        publish(answers, scope)


def _fail(scope: Scope, complaint: str) -> None:
    scope.memory.complaints.hear("pgbouncer", complaint)
    scope.add(UP, 0)


def publish(answers: Mapping[str, Sequence[Record]], scope: Scope) -> None:
    """Make samples of all answers, by the names of their columns."""
    for row in answers["VERSION"]:
        scope.add(VERSION, 1, row["version"])
    for command, key, value, families in (
        ("LISTS", "list", "items", LISTS),
        ("CONFIG", "key", "value", CONFIG),
    ):
        for row in answers[command]:
            if row[key] in families:
                scope.add(families[row[key]], float(row[value]))
    for show in SHOWS:
        _publish(show, answers[show.command], scope)
    for limit in limits(answers):
        add_pool(scope, "pgbouncer", limit.name, limit.used, limit.most)


def _publish(show: Show, rows: Sequence[Record], scope: Scope) -> None:
    for row in rows:
        for column in show.columns:
            value = next((row[name] for name in column.names if name in row), None)
            if value is not None:
                labels = [row.get(label) for label in column.family.labels]
                texts = ["" if label is None else str(label) for label in labels]
                scope.add(column.family, float(value) * column.scale, *texts)


PGBOUNCER = Collector(
    name="pgbouncer",
    help="PgBouncer's pools, databases and traffic, under the names of pgbouncer_exporter. "
    "Source: its admin console.",
    scope="cluster",
    families=(*FAMILIES, *POOL_FAMILIES),
    queries=(),
    collect=collect,
    memory=Bouncer,
    is_configured=lambda settings: settings.pgbouncer.dsn is not None,
    close=lambda bouncer: bouncer.console.close(),
)
