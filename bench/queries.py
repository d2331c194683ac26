"""Files of queries for postgres_exporter: those of its newer releases, and ours.

Format: its README.md, "Adding new metrics via a config file".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pg_migration_exporter.collectors import COLLECTORS, Collector
from pg_migration_exporter.config import Settings
from testbed.database import Database

_LABELS = ("schemaname", "relname")
_COUNTERS = (
    *("seq_scan", "seq_tup_read", "idx_scan", "idx_tup_fetch"),
    *("n_tup_ins", "n_tup_upd", "n_tup_del", "n_tup_hot_upd"),
    *("vacuum_count", "autovacuum_count", "analyze_count", "autoanalyze_count"),
)
_GAUGES = (
    *("n_live_tup", "n_dead_tup", "n_mod_since_analyze"),
    *("last_vacuum", "last_autovacuum", "last_analyze", "last_autoanalyze"),
)
_SIZES = ("table_size", "indexes_size")

_TABLES = f"""
SELECT current_database() AS datname, {", ".join((*_LABELS, *_COUNTERS, *_GAUGES))},
       {", ".join(f"pg_{size}(relid) AS {size}" for size in _SIZES)}
  FROM pg_stat_user_tables
"""


def _columns(usage: str, *names: str) -> list[dict[str, Any]]:
    return [{name: {"usage": usage, "description": name}} for name in names]


#: Statistics and sizes of every table, a default of its releases since 0.14 (CHANGELOG.md, #904).
TABLES: Mapping[str, Any] = {
    "pg_stat_user_tables": {
        "query": _TABLES,
        "metrics": [
            *_columns("LABEL", "datname", *_LABELS),
            *_columns("COUNTER", *_COUNTERS),
            *_columns("GAUGE", *_GAUGES, *_SIZES),
        ],
    }
}


def our_queries(database: Database) -> Mapping[str, Any]:
    """Return the queries of our collectors that consist of SQL only."""
    return {f"query_{number}": query for number, query in enumerate(_translate(database))}


def _translate(database: Database) -> Iterator[dict[str, Any]]:
    with database.connect() as connection:
        for collector in COLLECTORS:
            if collector.collect is not None or not collector.default_on:
                continue
            families = {family.name for family in collector.families}
            for sql in _statements(collector, connection.info.server_version):
                described = connection.execute(sql.encode()).description or ()
                columns = [column.name for column in described]
                yield {
                    "query": sql,
                    "cache_seconds": int(collector.ttl),
                    "metrics": [
                        *_columns("LABEL", *(name for name in columns if name not in families)),
                        *_columns("GAUGE", *(name for name in columns if name in families)),
                    ],
                }


def _statements(collector: Collector[Any], version: int) -> Iterator[str]:
    """Yield the statements for a primary, with default settings instead of parameters."""
    parameters = collector.parameters(Settings())
    for query in collector.queries:
        if query.on != "standby" and query.oldest <= version:
            sql = query.for_version(version)
            for number, value in enumerate(parameters, start=1):
                sql = sql.replace(f"${number}", f"'{value}'")
            yield sql
