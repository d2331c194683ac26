"""The metric families of waits for locks."""

from __future__ import annotations

from pg_migration_exporter.collectors.locks.sql import MAX_EXAMINED
from pg_migration_exporter.metrics.families import Family

_DATABASE = ("datname",)

BLOCKED = Family("postgres_blocked_sessions", "gauge", "Sessions that wait for a lock.", _DATABASE)
BLOCKING = Family(
    "postgres_blocking_sessions",
    "gauge",
    f"Sessions that at least one session waits for, as far as the {MAX_EXAMINED} longest waits "
    "show.",
    _DATABASE,
)
LONGEST_WAIT = Family(
    "postgres_lock_wait_longest_seconds",
    "gauge",
    "Time that the longest wait for a lock has lasted, 0 if no session waits. Advisory locks are "
    "apart.",
    _DATABASE,
)
LONGEST_ADVISORY_WAIT = Family(
    "postgres_advisory_lock_wait_longest_seconds",
    "gauge",
    "Time that the longest wait for an advisory lock has lasted, 0 if no session waits. "
    "Applications that elect a leader wait as long as they run.",
    _DATABASE,
)
MIGRATION_BLOCKED = Family(
    "postgres_migration_blocked_sessions",
    "gauge",
    "Sessions that wait, directly or behind others, for a session of the migration or for DDL that "
    "waits itself.",
    _DATABASE,
)
QUEUE_DEPTH = Family(
    "postgres_lock_queue_depth",
    "gauge",
    "Sessions that wait for a lock of a relation or of its rows, in the connected database, where "
    "there are any.",
    ("datname", "schemaname", "relname"),
)
BEHIND = Family(
    "postgres_lock_root_blocked_sessions",
    "gauge",
    "Sessions that wait, directly or behind others, for sessions that do not wait themselves: by "
    "the database, application_name and state of these. Many different ones are `other`.",
    ("datname", "application_name", "state"),
)

FAMILIES = (
    BLOCKED,
    BLOCKING,
    LONGEST_WAIT,
    LONGEST_ADVISORY_WAIT,
    MIGRATION_BLOCKED,
    QUEUE_DEPTH,
    BEHIND,
)
