"""Families that rules read and the exporter's page need not have: other programs publish them."""

from __future__ import annotations

from pg_migration_exporter.collectors.pgbouncer import pgbouncer_families as pgbouncer
from pg_migration_exporter.metrics.families import Family

#: The quest service of the deployment guide, and the custom metrics of examples/quest/metrics.yaml.
QUEST = (
    Family("quest_query_duration_seconds", "histogram", "Time that a query of the service takes."),
    Family("quest_cache_hit_ratio", "gauge", "Share of lookups that the cache answers, 0 to 1."),
    Family("quest_import_success_rate", "gauge", "Share of imports that succeed, 0 to 1."),
    Family(
        "quest_validation_errors_total",
        "counter",
        "Quest definitions that break a rule.",
        ("datname", "reason"),
    ),
    Family("active_quests_total", "gauge", "Quests in progress.", ("datname", "zone")),
    Family("quest_completion_rate", "gauge", "Share of quests completed, 0 to 1.", ("datname",)),
    Family("quest_abandonment_rate", "gauge", "Share of quests abandoned, 0 to 1.", ("datname",)),
    Family("average_quest_duration_seconds", "gauge", "Time that a quest takes.", ("datname",)),
)
#: Of the exporter where a PgBouncer is configured, or of pgbouncer_exporter under the same names.
_OF_PGBOUNCER = (
    "pgbouncer_up",
    "pgbouncer_pools_client_waiting_connections",
    "pgbouncer_pools_client_maxwait_seconds",
)
PGBOUNCER = tuple(one for one in pgbouncer.FAMILIES if one.name in _OF_PGBOUNCER)
FAMILIES = (*QUEST, *PGBOUNCER)
