"""The metric families of index builds."""

from __future__ import annotations

from pg_migration_exporter.metrics.families import Family

_INDEX = ("datname", "schemaname", "relname", "indexrelname")
_BUILD = (*_INDEX, "command")

BUILD_DURATION = Family(
    "postgres_index_build_duration_seconds",
    "gauge",
    "Time since the statement of an index build in progress began. command is ALTER TABLE, without "
    "an index, while one rewrites its table and all indexes of it.",
    _BUILD,
)
PROGRESS = Family(
    "postgres_index_build_progress_ratio",
    "gauge",
    "Estimated progress of an index build, 0 to 1, from the phases by their usual share of the "
    "time. Absent where PostgreSQL reports none.",
    (*_BUILD, "phase"),
)
ETA = Family(
    "postgres_index_build_eta_seconds",
    "gauge",
    "Estimated time until an index build ends, at the speed of the last minute. Absent while it "
    "stands still, waits, or has only begun.",
    _BUILD,
)
LOCKERS = Family(
    "postgres_index_build_lockers",
    "gauge",
    "Transactions that an index build has yet to wait for in its present phase.",
    _BUILD,
)
BLOCKED = Family(
    "postgres_index_build_blocked_seconds",
    "gauge",
    "Time that an index build has waited for the transaction it waits for now, 0 if it works.",
    _BUILD,
)
LOCKER_TRANSACTION = Family(
    "postgres_index_build_locker_transaction_seconds",
    "gauge",
    "Age of the transaction that an index build waits for, by its session's application_name and "
    "state.",
    (*_BUILD, "application_name", "state"),
)
BUILDS = Family(
    "postgres_index_builds_total",
    "counter",
    "Index builds that ended: completed, failed (no index came of it), or invalid (an index is "
    "left behind that no query uses).",
    ("datname", "command", "outcome"),
)
COMPLETED_DURATION = Family(
    "postgres_index_build_completed_duration_seconds",
    "histogram",
    "Duration of the index builds that completed.",
    ("datname", "command"),
)
INVALID = Family(
    "postgres_index_invalid",
    "gauge",
    "1 for each index that no query uses and every write maintains, those of builds in progress "
    "left out.",
    _INDEX,
)
INVALID_AGE = Family(
    "postgres_index_invalid_age_seconds",
    "gauge",
    "Time since an invalid index was first seen.",
    _INDEX,
)

FAMILIES = (
    BUILD_DURATION,
    PROGRESS,
    ETA,
    LOCKERS,
    BLOCKED,
    LOCKER_TRANSACTION,
    BUILDS,
    COMPLETED_DURATION,
    INVALID,
    INVALID_AGE,
)
