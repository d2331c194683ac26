"""An example query for each family: one for its type, unless there is a better one here."""

from __future__ import annotations

from collections.abc import Mapping

from pg_migration_exporter.metrics.families import BUCKET_LABEL, Family

_HITS = "sum by (datname) (rate({0}_blocks_hit_total[5m]))"
_READS = "sum by (datname) (rate({0}_blocks_read_total[5m]))"
_HIT_RATIO = f"{_HITS} / ({_HITS} + {_READS})"

_BETTER: Mapping[str, str] = {
    "postgres_up": "postgres_up == 0",
    "postgres_connections": "sum by (datname, state) (postgres_connections)",
    "postgres_connection_pool_utilization": "postgres_connection_pool_utilization > 0.8",
    "postgres_replication_standby_info": (
        'postgres_replication_standby_info{kind="physical", state!="streaming"}'
    ),
    "postgres_replication_synchronous_required": (
        "postgres_replication_synchronous_standbys < postgres_replication_synchronous_required"
    ),
    "postgres_replication_timeline": "changes(postgres_replication_timeline[15m]) > 0",
    "postgres_replication_wal_receiver_up": "postgres_replication_wal_receiver_up == 0",
    "postgres_replication_slot_active": "postgres_replication_slot_active == 0",
    "postgres_replication_slot_wal_status": (
        'postgres_replication_slot_wal_status{status=~"unreserved|lost"} == 1'
    ),
    "postgres_subscription_worker_up": (
        "postgres_subscription_worker_up == 0 and postgres_subscription_enabled == 1"
    ),
    "postgres_processes": 'sum by (wait_event_type) (postgres_processes{wait_event_type!=""})',
    "postgres_tls_connections": 'postgres_tls_connections{version="none"} > 0',
    "postgres_database_blocks_hit_total": _HIT_RATIO.format("postgres_database"),
    "postgres_database_deadlocks_total": "increase(postgres_database_deadlocks_total[1h]) > 0",
    "postgres_database_wraparound_ratio": "postgres_database_wraparound_ratio > 0.4",
    "postgres_index_blocks_hit_total": _HIT_RATIO.format("postgres_index"),
    "postgres_table_blocks_hit_total": _HIT_RATIO.format("postgres_table"),
    "postgres_archiver_failing": "postgres_archiver_failing == 1",
    "postgres_checkpoints_requested_total": (
        "increase(postgres_checkpoints_requested_total[1h]) "
        "> increase(postgres_checkpoints_timed_total[1h])"
    ),
    "postgres_setting": 'postgres_setting{name="max_connections"}',
    "postgres_setting_info": 'postgres_setting_info{name="wal_level"}',
    "postgres_settings_pending_restart": "postgres_settings_pending_restart > 0",
    "postgres_extension_update_available": "postgres_extension_update_available == 1",
    "postgres_index_scans_total": "increase(postgres_index_scans_total[7d]) == 0",
    "postgres_index_invalid": "postgres_index_invalid == 1",
    "migration_exporter_role_privilege": (
        'migration_exporter_role_privilege{privilege="superuser"} == 1'
    ),
    "migration_exporter_collector_success": "migration_exporter_collector_success == 0",
    "migration_check_status": "migration_check_status == 0",
    "migration_check_info": (
        "migration_check_info unless on (job, instance, collector) "
        "migration_exporter_collector_success == 1"
    ),
    "liquibase_migration_status": 'liquibase_migration_status{status="failed"} == 1',
}


def example(family: Family) -> str:
    """Return an example query in PromQL."""
    if family.name in _BETTER:
        return _BETTER[family.name]
    if family.type == "counter":
        return f"rate({family.name}[5m])"
    if family.type == "histogram":
        by = ", ".join((BUCKET_LABEL, *family.labels))
        return f"histogram_quantile(0.95, sum by ({by}) (rate({family.name}_bucket[5m])))"
    return family.name
