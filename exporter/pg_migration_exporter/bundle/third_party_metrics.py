"""Metrics that rules read and that the exporter's own page need not have."""

from __future__ import annotations

from pg_migration_exporter.bundle.alert_files import alert_groups
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.collectors.pgbouncer import pgbouncer_families as pgbouncer

_OF_PGBOUNCER = (
    "pgbouncer_up",
    "pgbouncer_pools_client_waiting_connections",
    "pgbouncer_pools_client_maxwait_seconds",
)
#: Of the exporter where a PgBouncer is configured, or of pgbouncer_exporter under the same names.
PGBOUNCER = tuple(family for family in pgbouncer.FAMILIES if family.name in _OF_PGBOUNCER)


def third_party_names(values: Values) -> tuple[str, ...]:
    """Return the names of the families that other programs may publish."""
    groups = alert_groups(values.alert_folders)
    named = (name for group in groups for name in group.file.published_elsewhere)
    return (*(family.name for family in PGBOUNCER), *named)
