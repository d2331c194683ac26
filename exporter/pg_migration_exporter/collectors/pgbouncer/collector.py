"""PgBouncer, from its admin console, where the configuration names it.

If PgBouncer does not answer, `pgbouncer_up` is 0 and its other families are absent; the collector
does not fail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.pgbouncer.console import Console, Record
from pg_migration_exporter.collectors.pgbouncer.limits import limits
from pg_migration_exporter.collectors.pgbouncer.pgbouncer_families import (
    CONFIG,
    FAMILIES,
    LISTS,
    SHOWS,
    UP,
    VERSION,
    Show,
)
from pg_migration_exporter.collectors.pools import POOL_FAMILIES, add_pool
from pg_migration_exporter.errors import ConfigError

_CONSOLE = "pgbouncer console"


async def collect(context: RunContext[Console]) -> None:
    """Publish what PgBouncer shows, or that it is down."""
    try:
        answers = await context.memory.show()
    except TimeoutError:
        _fail(context, f"no answer in {context.settings.pgbouncer.timeout:g} s")
    except (psycopg.Error, ConfigError, OSError) as error:
        _fail(context, str(error))
    else:
        context.failures.clear(_CONSOLE)
        context.add(UP, 1)
        publish(answers, context)


def _fail(context: RunContext[Console], reason: str) -> None:
    context.failures.record(_CONSOLE, reason)
    context.add(UP, 0)


def publish(answers: Mapping[str, Sequence[Record]], context: RunContext[Console]) -> None:
    """Add the samples of all answers, by the names of their columns."""
    for row in answers["VERSION"]:
        context.add(VERSION, 1, row["version"])
    for row in answers["LISTS"]:
        if row["list"] in LISTS:
            context.add(LISTS[row["list"]], float(row["items"]))
    for row in answers["CONFIG"]:
        if row["key"] in CONFIG:
            context.add(CONFIG[row["key"]], float(row["value"]))
    for show in SHOWS:
        _publish_rows(show, answers[show.command], context)
    for limit in limits(answers):
        add_pool(context, "pgbouncer", limit.name, limit.used, limit.maximum)


def _publish_rows(show: Show, rows: Sequence[Record], context: RunContext[Console]) -> None:
    for row in rows:
        for column in show.columns:
            value = next((row[name] for name in column.names if name in row), None)
            if value is not None:
                labels = [row.get(label) for label in column.family.labels]
                texts = ["" if label is None else str(label) for label in labels]
                context.add(column.family, float(value) * column.scale, *texts)


PGBOUNCER = Collector(
    name="pgbouncer",
    help="PgBouncer's pools, databases and traffic, under the names of pgbouncer_exporter.",
    sources=("its admin console",),
    level="server",
    families=(*FAMILIES, *POOL_FAMILIES),
    queries=(),
    collect=collect,
    memory=lambda settings: Console(settings.pgbouncer),
    is_configured=lambda settings: settings.pgbouncer.dsn is not None,
    close=Console.close,
)
