"""Sizes and counters of the largest tables, read without waiting for a lock.

Which tables are the largest, and their sizes, is read once in `tables.interval`, since it costs
more with each table; their counters are read at every scrape.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from psycopg import errors

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.tables import sql
from pg_migration_exporter.collectors.tables import table_families as families
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS
from pg_migration_exporter.postgres.query import array
from pg_migration_exporter.postgres.rows import Rows


@dataclass(slots=True)
class InsertedRows:
    """Rows inserted into one table: those counted by the statistics, which lag behind a COPY."""

    counted: int = 0
    shown: int = 0

    def update(self, counted: int, importing: int) -> int:
        """Return the count now; it falls only when the statistics were reset."""
        if counted < self.counted:
            self.shown = 0
        self.counted = counted
        self.shown = max(self.shown, counted + importing)
        return self.shown


@dataclass(frozen=True, slots=True)
class OtherTables:
    """The tables that are not shown: their number and total size."""

    number: int = 0
    size_bytes: int = 0


@dataclass(slots=True)
class TableMemory:
    """The tables shown, by OID, their sizes, and the others together.

    `chosen_at` is time.monotonic().
    """

    chosen_at: float = -float("inf")
    names: dict[int, tuple[str, str]] = field(default_factory=dict)
    sizes: Rows = field(default_factory=lambda: Rows((), []))
    others: OtherTables = field(default_factory=OtherTables)
    inserted: dict[int, InsertedRows] = field(default_factory=dict)


async def collect(context: RunContext[TableMemory]) -> None:
    """Choose and measure tables if that is due; read the counters of those chosen."""
    memory = context.memory
    now = time.monotonic()
    if now - memory.chosen_at >= context.settings.tables.interval:
        await _choose(context, memory)
        memory.sizes = await _measure(context, array(memory.names))
        memory.chosen_at = now
    statistics = await context.query(sql.STATISTICS, array(memory.names))
    _publish(context, memory, statistics)


async def _choose(context: RunContext[TableMemory], memory: TableMemory) -> None:
    settings = context.settings.tables
    rows = await context.query(sql.LARGEST, array(settings.schemas), str(settings.top))
    largest = rows.named()
    memory.names = {
        row["oid"]: (row["schemaname"], row["relname"]) for row in largest if row["oid"]
    }
    others = (OtherTables(row["tables"], row["bytes"]) for row in largest if not row["oid"])
    memory.others = next(others, OtherTables())
    memory.inserted = {oid: memory.inserted.get(oid, InsertedRows()) for oid in memory.names}


async def _measure(context: RunContext[TableMemory], oids: str) -> Rows:
    try:
        return await context.query(sql.SIZES, oids)
    except (errors.LockNotAvailable, errors.QueryCanceled):
        return await context.query(sql.SIZES_ESTIMATED, oids)


def _publish(context: RunContext[TableMemory], memory: TableMemory, statistics: Rows) -> None:
    datname = context.capabilities.datname
    labels = {oid: (datname, *names) for oid, names in memory.names.items()}
    for rows, published in ((memory.sizes, families.SIZES), (statistics, families.STATISTICS)):
        columns = rows.by_column()
        of_each = [labels[oid] for oid in columns.get("oid", ())]
        for column, family in published.items():
            context.add_column(family, of_each, columns.get(column, ()))
    for row in statistics.named():
        inserted = memory.inserted[row["oid"]].update(row["n_tup_ins"], row["importing"])
        context.add(families.INSERTED, inserted, *labels[row["oid"]])
    others = memory.others
    context.add(families.OTHER_TABLES, others.number, datname)
    if others.number:
        context.add(families.SIZE, others.size_bytes, datname, "other", "other")


TABLES = Collector(
    name="tables",
    help="Sizes and counters of the largest tables.",
    sources=("pg_class", "pg_stat_all_tables", "pg_statio_all_tables", "pg_stats", "pg_locks"),
    families=families.FAMILIES,
    queries=(sql.LARGEST, sql.SIZES, sql.SIZES_ESTIMATED, sql.STATISTICS),
    cost="expensive",
    requires=(READ_ALL_STATS,),
    collect=collect,
    memory=lambda _: TableMemory(),
)
