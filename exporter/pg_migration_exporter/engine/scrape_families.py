"""The metric families that each scrape has about itself, in addition to those of collectors."""

from __future__ import annotations

from pg_migration_exporter.engine.baseline import BASELINE
from pg_migration_exporter.metrics.families import Family

SUCCESS = Family(
    "migration_exporter_collector_success",
    "gauge",
    "1 if the collector answered in this scrape, in every database where it runs; 0 if it failed "
    "or ran out of time.",
    ("collector",),
)
DURATION = Family(
    "migration_exporter_collector_duration_seconds",
    "gauge",
    "Time until the collector answered, the statements sent before its own included; of several "
    "databases, the longest.",
    ("collector",),
)
SKIPPED = Family(
    "migration_exporter_collector_skipped",
    "gauge",
    "1 for each collector that cannot run on this server or with this role, with the reason.",
    ("collector", "reason"),
)
DATABASE_UP = Family(
    "migration_exporter_database_up",
    "gauge",
    "1 for each watched database that answered in this scrape, 0 for one that did not.",
    ("datname",),
)
DATABASES_LEFT_OUT = Family(
    "migration_exporter_databases_left_out",
    "gauge",
    "Databases that the configuration names and that are beyond its limit.",
)
LEFT_OUT = Family(
    "migration_exporter_left_out",
    "gauge",
    "How many of a kind are not shown because of a limit (`limits` in docs/configuration.md), or 1 "
    "where it is only known that there are more; absent where all are shown. Of several collectors "
    "that leave out the same kind, the most.",
    ("datname", "what"),
)
SCRAPE_DURATION = Family(
    "migration_exporter_scrape_duration_seconds", "gauge", "Time that this scrape took."
)
CONNECTIONS = Family(
    "migration_exporter_connections", "gauge", "Connections that the exporter has to the server."
)
POOLED = Family(
    "migration_exporter_connection_pooled",
    "gauge",
    "1 if the exporter reaches the server through a connection pooler, 0 if directly.",
)
SUPERUSER = Family(
    "migration_exporter_superuser",
    "gauge",
    "1 if the exporter's role is a superuser, which `postgres.allow_superuser` allows or which is "
    "refused; 0 if not; absent before the server first said it.",
)
WATCH_AGE = Family(
    "migration_exporter_watch_age_seconds",
    "gauge",
    "Time since the watcher last read everything; absent before it first did.",
)
STATE_STORED = Family(
    "migration_exporter_state_stored",
    "gauge",
    "1 while the watcher's memory is stored in the state directory, 0 if a restart loses it.",
)

FAMILIES = (
    SUCCESS,
    DURATION,
    SKIPPED,
    DATABASE_UP,
    DATABASES_LEFT_OUT,
    LEFT_OUT,
    SCRAPE_DURATION,
    CONNECTIONS,
    POOLED,
    SUPERUSER,
    WATCH_AGE,
    STATE_STORED,
    BASELINE,
)
