"""The metric families of tables, and the columns of the SQL that their values come from."""

from __future__ import annotations

from pg_migration_exporter.metrics.families import Family, MetricType

TABLE = ("datname", "schemaname", "relname")

SIZE = Family(
    "postgres_table_size_bytes",
    "gauge",
    "Size of a table with its TOAST table, without its indexes. schemaname and relname are `other` "
    "for the sum of the tables that are not shown one by one, from the catalog's page counts.",
    TABLE,
)
#: Once in `tables.interval`: family by column of sql.SIZES.
SIZES = {
    "table_size": SIZE,
    "indexes_size": Family(
        "postgres_table_indexes_size_bytes", "gauge", "Size of all indexes of a table.", TABLE
    ),
    "measured": Family(
        "postgres_table_size_measured",
        "gauge",
        "1 if the sizes of a table were measured, 0 if they are the catalog's page counts since a "
        "lock is held or awaited on it.",
        TABLE,
    ),
    "bloat": Family(
        "postgres_table_bloat_ratio",
        "gauge",
        "Estimated share of a table's pages that its rows do not need, 0 to 1. "
        "postgres_table_bloat_widths says what the estimate is made of.",
        TABLE,
    ),
    "bloat_widths": Family(
        "postgres_table_bloat_widths",
        "gauge",
        "1 if the bloat of a table is estimated from the widths of its columns, with its free "
        "space; 0 if it is only the share of rows that are dead, because the table was never "
        "analyzed or the exporter's role may not read its statistics.",
        TABLE,
    ),
}
OTHER_TABLES = Family(
    "postgres_tables_other", "gauge", "Tables that are not shown one by one.", ("datname",)
)


def _table(name: str, text: str) -> Family:
    kind: MetricType = "counter" if name.endswith("_total") else "gauge"
    return Family(f"postgres_{name}", kind, text, TABLE)


#: At every scrape: family by column of sql.STATISTICS.
STATISTICS = {
    "n_live_tup": _table("table_live_tuples", "Estimated live rows of a table."),
    "n_dead_tup": _table("table_dead_tuples", "Estimated dead rows of a table."),
    "n_tup_upd": _table("table_rows_updated_total", "Rows updated in a table."),
    "n_tup_del": _table("table_rows_deleted_total", "Rows deleted from a table."),
    "seq_scan": _table("table_sequential_scans_total", "Sequential scans of a table."),
    "idx_scan": _table("table_index_scans_total", "Scans of a table's indexes."),
    "heap_blks_hit": _table(
        "table_blocks_hit_total", "Blocks of a table found in the shared buffers."
    ),
    "heap_blks_read": _table(
        "table_blocks_read_total", "Blocks of a table not found in the shared buffers."
    ),
    "idx_blks_hit": _table(
        "index_blocks_hit_total", "Blocks of a table's indexes found in the shared buffers."
    ),
    "idx_blks_read": _table(
        "index_blocks_read_total", "Blocks of a table's indexes not found in the shared buffers."
    ),
    "vacuum_age": _table(
        "table_vacuum_age_seconds", "Time since a table was last vacuumed, absent if it never was."
    ),
    "analyze_age": _table(
        "table_analyze_age_seconds", "Time since a table was last analyzed, absent if it never was."
    ),
    "frozen_age": _table(
        "table_frozen_xid_age", "Transactions begun since the oldest that a table has not frozen."
    ),
}
INSERTED = _table(
    "table_rows_inserted_total",
    "Rows inserted into a table, those of a COPY in progress included: its rate is the speed of an "
    "import.",
)

FAMILIES = (*SIZES.values(), OTHER_TABLES, *STATISTICS.values(), INSERTED)
