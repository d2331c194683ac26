"""The names of the corresponding metrics of postgres_exporter (its release 0.20).

Only for the documentation. Its units and types may differ: some of its counters are gauges, and
some of its times are milliseconds or points in time.
"""

from __future__ import annotations

from collections.abc import Mapping

_DATABASE = {
    "commits": "xact_commit",
    "rollbacks": "xact_rollback",
    "blocks_hit": "blks_hit",
    "blocks_read": "blks_read",
    "block_read_seconds": "blk_read_time",
    "block_write_seconds": "blk_write_time",
    "rows_returned": "tup_returned",
    "rows_fetched": "tup_fetched",
    "rows_inserted": "tup_inserted",
    "rows_updated": "tup_updated",
    "rows_deleted": "tup_deleted",
    "temp_files": "temp_files",
    "temp_bytes": "temp_bytes",
    "deadlocks": "deadlocks",
    "conflicts": "conflicts",
    "active_seconds": "active_time_seconds_total",
}
_TABLE = {
    "table_size_bytes": "table_size_bytes",
    "table_indexes_size_bytes": "index_size_bytes",
    "table_live_tuples": "n_live_tup",
    "table_dead_tuples": "n_dead_tup",
    "table_rows_inserted_total": "n_tup_ins",
    "table_rows_updated_total": "n_tup_upd",
    "table_rows_deleted_total": "n_tup_del",
    "table_sequential_scans_total": "seq_scan",
    "table_index_scans_total": "idx_scan",
    "table_vacuum_age_seconds": "last_vacuum",
    "table_analyze_age_seconds": "last_analyze",
}
_CHECKPOINTS = {
    "checkpoints_timed": "num_timed",
    "checkpoints_requested": "num_requested",
    "checkpoint_write_seconds": "write_time",
    "checkpoint_sync_seconds": "sync_time",
    "checkpoint_buffers_written": "buffers_written",
    "restartpoints_timed": "restartpoints_timed",
    "restartpoints_requested": "restartpoints_req",
    "restartpoints_done": "restartpoints_done",
}

NAMES: Mapping[str, str] = {
    "postgres_statement_calls_total": "pg_stat_statements_calls_total",
    "postgres_statement_seconds_total": "pg_stat_statements_seconds_total",
    "postgres_statement_rows_total": "pg_stat_statements_rows_total",
    "postgres_up": "pg_up",
    "postgres_info": "pg_static",
    "postgres_start_time_seconds": "pg_postmaster_start_time_seconds",
    "postgres_connections": "pg_stat_activity_count",
    "postgres_connections_max": "pg_settings_max_connections",
    "postgres_transaction_oldest_seconds": "pg_stat_activity_max_tx_duration",
    "postgres_idle_in_transaction_seconds": "pg_process_idle_seconds",
    "postgres_replication_lag_seconds": "pg_replication_lag_seconds",
    "postgres_replication_lag_bytes": "pg_stat_replication_pg_wal_lsn_diff",
    "postgres_replication_timeline": "pg_stat_wal_receiver_received_tli",
    "postgres_replication_wal_receiver_last_message_age_seconds": (
        "pg_stat_wal_receiver_last_msg_receipt_time"
    ),
    "postgres_replication_slot_active": "pg_replication_slots_active",
    "postgres_replication_slot_retained_bytes": "pg_replication_slots_pg_wal_lsn_diff",
    "postgres_replication_slot_safe_bytes": "pg_replication_slots_safe_wal_size_bytes",
    "postgres_replication_slot_wal_status": "pg_replication_slots_wal_status",
    "postgres_database_size_bytes": "pg_database_size_bytes",
    "postgres_database_frozen_xid_age": "pg_database_wraparound_age_datfrozenxid_seconds",
    "postgres_database_frozen_multixact_age": "pg_database_wraparound_age_datminmxid_seconds",
    "postgres_database_stats_reset_timestamp_seconds": "pg_stat_database_stats_reset",
    **{
        f"postgres_database_{ours}_total": f"pg_stat_database_{theirs}"
        for ours, theirs in _DATABASE.items()
    },
    "postgres_wal_files": "pg_wal_segments",
    "postgres_wal_size_bytes": "pg_wal_size_bytes",
    "postgres_archiver_archived_total": "pg_stat_archiver_archived_count",
    "postgres_archiver_failed_total": "pg_stat_archiver_failed_count",
    "postgres_archiver_last_archived_age_seconds": "pg_stat_archiver_last_archive_age",
    **{
        f"postgres_{ours}_total": f"pg_stat_checkpointer_{theirs}_total"
        for ours, theirs in _CHECKPOINTS.items()
    },
    "postgres_bgwriter_buffers_cleaned_total": "pg_stat_bgwriter_buffers_clean_total",
    "postgres_bgwriter_stops_total": "pg_stat_bgwriter_maxwritten_clean_total",
    "postgres_bgwriter_buffers_allocated_total": "pg_stat_bgwriter_buffers_alloc_total",
    "postgres_setting": "pg_settings_*",
    "migration_exporter_role_connection_limit": "pg_roles_connection_limit",
    **{f"postgres_{ours}": f"pg_stat_user_tables_{theirs}" for ours, theirs in _TABLE.items()},
    "postgres_table_blocks_hit_total": "pg_statio_user_tables_heap_blocks_hit",
    "postgres_table_blocks_read_total": "pg_statio_user_tables_heap_blocks_read",
    "postgres_index_blocks_hit_total": "pg_statio_user_tables_idx_blocks_hit",
    "postgres_index_blocks_read_total": "pg_statio_user_tables_idx_blocks_read",
    "postgres_operation_progress_ratio": "pg_stat_progress_vacuum_heap_blks_scanned",
    "migration_exporter_collector_success": "pg_scrape_collector_success",
    "migration_exporter_collector_duration_seconds": "pg_scrape_collector_duration_seconds",
    "migration_exporter_build_info": "postgres_exporter_build_info",
}
