"""The metric families of the Liquibase collector."""

from __future__ import annotations

from pg_migration_exporter.metrics.families import Family

_CHANGELOG = ("datname", "changelog")

STATUS = Family(
    "liquibase_migration_status",
    "gauge",
    "State of the migration: 1 for the current state, 0 for the others.",
    (*_CHANGELOG, "status"),
)
BLOCKED = Family(
    "liquibase_migration_blocked",
    "gauge",
    "1 while a session of the migration waits for a lock that another session holds.",
    _CHANGELOG,
)
APPLIED = Family("liquibase_changesets_applied", "gauge", "Changesets recorded as run.", _CHANGELOG)
LOCK_HELD = Family(
    "liquibase_lock_held",
    "gauge",
    "1 while the row of the lock table is LOCKED, or the lock of liquibase-sessionlock is held.",
    _CHANGELOG,
)
LOCK_AGE = Family(
    "liquibase_lock_age_seconds",
    "gauge",
    "Time since the lock was taken; absent while it is free.",
    _CHANGELOG,
)
LOCK_HOLDER = Family(
    "liquibase_lock_info",
    "gauge",
    "Holder of the lock (LOCKEDBY: host and address of the run) while it is held; always 1.",
    (*_CHANGELOG, "locked_by"),
)
LOCK_WAITERS = Family(
    "liquibase_lock_waiters",
    "gauge",
    "Sessions that seem to wait for the lock while it is held, inferred from their statements.",
    _CHANGELOG,
)
LAST_DEPLOYMENT = Family(
    "liquibase_last_deployment_timestamp_seconds",
    "gauge",
    "Time when the latest changeset was recorded: the commit time, or without "
    "track_commit_timestamp the start of its run.",
    _CHANGELOG,
)
LAST_DEPLOYMENT_CHANGESETS = Family(
    "liquibase_last_deployment_changesets",
    "gauge",
    "Changesets that the latest deployment recorded.",
    _CHANGELOG,
)
TAG_PRESENT = Family(
    "liquibase_tag_present", "gauge", "1 for each tag in the history.", (*_CHANGELOG, "tag")
)

PENDING = Family(
    "liquibase_changesets_pending",
    "gauge",
    "Changesets of the changelog files that have not run; absent without configured files.",
    _CHANGELOG,
)
NEXT = Family(
    "liquibase_next_changeset_info",
    "gauge",
    "The first changeset of the changelog files that has not run (path::id::author): during a run, "
    "the one that it executes or will execute next; always 1.",
    (*_CHANGELOG, "changeset"),
)
UNEXPECTED = Family(
    "liquibase_changesets_unexpected",
    "gauge",
    "Changesets recorded as run that are not in the changelog files.",
    _CHANGELOG,
)
DRIFTED = Family(
    "liquibase_changesets_drifted",
    "gauge",
    "Changesets whose SQL in the files is not what ran: the next update will refuse them.",
    _CHANGELOG,
)
READABLE = Family(
    "liquibase_changelog_readable",
    "gauge",
    "1 if the configured changelog files can be read completely, 0 if not.",
    _CHANGELOG,
)
FAILURE = Family(
    "liquibase_migration_failure_info",
    "gauge",
    "The failure, as long as the state is failed: the changeset if it is known, and whether the "
    "failure was reported, is in the server's log (log) or is inferred; always 1.",
    (*_CHANGELOG, "changeset", "source"),
)
RUN_DURATION = Family(
    "liquibase_run_duration_seconds",
    "gauge",
    "Time since the run in progress took its lock; absent without one.",
    _CHANGELOG,
)
RUNS = Family(
    "liquibase_runs_total",
    "counter",
    "Runs that ended, by outcome; failures that were not reported are inferred.",
    (*_CHANGELOG, "outcome"),
)
CHANGESET_DURATION = Family(
    "liquibase_changeset_duration_seconds",
    "histogram",
    "Time from the record of one changeset to the record of the next one in the same run.",
    _CHANGELOG,
)

FAMILIES = (
    STATUS,
    BLOCKED,
    APPLIED,
    LOCK_HELD,
    LOCK_AGE,
    LOCK_HOLDER,
    LOCK_WAITERS,
    LAST_DEPLOYMENT,
    LAST_DEPLOYMENT_CHANGESETS,
    TAG_PRESENT,
    PENDING,
    NEXT,
    UNEXPECTED,
    DRIFTED,
    READABLE,
    FAILURE,
    RUN_DURATION,
    RUNS,
    CHANGESET_DURATION,
)
