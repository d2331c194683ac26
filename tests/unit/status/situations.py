"""Situations that a verdict is made from, for the exporter and for the recording rules."""

from __future__ import annotations

from typing import Any

from pg_migration_exporter.collectors.checks import INFO
from pg_migration_exporter.collectors.checks import STATUS as CHECK
from pg_migration_exporter.collectors.index_builds import index_build_families as builds
from pg_migration_exporter.collectors.liquibase import liquibase_families as liquibase
from pg_migration_exporter.collectors.locks import lock_families as locks
from pg_migration_exporter.collectors.pools import POOL_UTILIZATION
from pg_migration_exporter.collectors.replication import LAG_SECONDS
from pg_migration_exporter.collectors.replication.senders import INFO as STANDBY_INFO
from pg_migration_exporter.collectors.replication.senders import REQUIRED, SYNCHRONOUS
from pg_migration_exporter.collectors.replication.slots import STATUS as SLOT
from pg_migration_exporter.collectors.replication.standby import APPLY_DELAY
from pg_migration_exporter.collectors.settings import SETTING
from pg_migration_exporter.collectors.wal import WAL
from pg_migration_exporter.config import Settings
from pg_migration_exporter.metrics.families import Family, FamilySamples
from pg_migration_exporter.status.judgement.situation import Situation
from pg_migration_exporter.status.samples import Samples

_WAL = {family.name.removeprefix("postgres_"): family for family in WAL.families}
_CHANGELOG = ("game", "public.databasechangelog")
_LIMITED = 'connection failed: FATAL:  too many connections for role "exporter"'

Row = tuple[Family, float, tuple[str, ...]]


def situation(*rows: Row, **traits: Any) -> Situation:
    found: dict[str, FamilySamples] = {}
    for family, value, labels in rows:
        found.setdefault(family.name, FamilySamples(family)).add(value, *labels)
    known = {"settings": Settings(), "samples": Samples(found.values()), "databases": _BOTH}
    return Situation(**{**known, **traits})


_BOTH = {"game": True, "reports": True}


def state(name: str) -> Row:
    return liquibase.STATUS, 1, (*_CHANGELOG, name)


def check(phase: str, severity: str = "critical") -> Row:
    return CHECK, 0, ("game", "size", phase, severity)


def info(phase: str) -> Row:
    return INFO, 1, ("size", phase, "critical", "check_size")


def archive(age: float, behind: float, timeout: float | None = None) -> Situation:
    settings = {"archive_timeout": timeout, "wal_segment_size": 2**24}
    return situation(
        (_WAL["archiver_last_archived_age_seconds"], age, ()),
        (_WAL["archiver_behind_bytes"], behind, ()),
        *((SETTING, value, (name,)) for name, value in settings.items() if value is not None),
    )


CASES: dict[str, tuple[Situation, list[tuple[str, str, str]]]] = {
    "nothing is wrong": (situation(state("succeeded")), []),
    "a migration runs": (situation(state("running")), []),
    "it has failed": (situation(state("failed")), [("abort", "DatabaseMigrationFailed", "game")]),
    "it waits": (
        situation(state("running"), (liquibase.BLOCKED, 1, _CHANGELOG)),
        [("hold", "MigrationBlocked", "game")],
    ),
    "files cannot be read": (
        situation((liquibase.READABLE, 0, _CHANGELOG)),
        [("hold", "MigrationChangelogUnreadable", "game")],
    ),
    "exactly at a threshold": (situation((POOL_UTILIZATION, 0.8, ("server", "all"))), []),
    "a pool is nearly full": (
        situation((POOL_UTILIZATION, 0.85, ("server", "all"))),
        [("hold", "PostgresConnectionPoolHigh", "")],
    ),
    "the pool of a database is full": (
        situation((POOL_UTILIZATION, 0.95, ("database", "game"))),
        [
            ("abort", "DatabaseConnectionPoolExhausted", "game"),
            ("hold", "PostgresConnectionPoolHigh", "game"),
        ],
    ),
    "others wait behind it": (
        situation((locks.MIGRATION_BLOCKED, 6, ("game",))),
        [("abort", "MigrationBlocksTraffic", "game")],
    ),
    "a standby is behind": (
        situation((LAG_SECONDS, 31, ("standby1",))),
        [("hold", "PostgresReplicationLagElevated", "")],
    ),
    "a standby is behind as it is meant to be": (
        situation((LAG_SECONDS, 3620, ("self",)), (APPLY_DELAY, 3600, ())),
        [],
    ),
    "a logical subscriber is behind": (
        situation(
            (LAG_SECONDS, 900, ("cdc",)),
            (STANDBY_INFO, 1, ("cdc", "logical", "streaming", "async", "cdc")),
        ),
        [],
    ),
    "a slot was lost long ago": (situation((SLOT, 1, ("old", "physical", "lost"))), []),
    "a slot is at risk": (
        situation((SLOT, 1, ("standby1", "physical", "unreserved"))),
        [("abort", "PostgresReplicationSlotAtRisk", "")],
    ),
    "commits wait": (
        situation((SYNCHRONOUS, 0, ()), (REQUIRED, 1, ())),
        [("abort", "PostgresSynchronousStandbyMissing", "")],
    ),
    "a build waits": (
        situation((builds.BLOCKED, 61, ("game", "public", "quests", "i", "CREATE INDEX"))),
        [("hold", "IndexBuildBlocked", "game")],
    ),
    "statements are slow": (
        situation(latencies={"game": 0.11, "reports": 0.1}),
        [("abort", "DatabaseQueryLatencyHigh", "game")],
    ),
    "a check fails before": (
        situation(state("pending"), check("pre"), check("during")),
        [("hold", "MigrationPrecheckFailed", "game")],
    ),
    "a check fails meanwhile": (
        situation(state("running"), check("pre"), check("during")),
        [("hold", "MigrationCheckFailed", "game")],
    ),
    "a check that only warns": (situation(state("pending"), check("pre", "warning")), []),
    "a check has no result": (
        situation(state("pending"), info("pre"), silent={"check_size": "timeout"}),
        [("hold", "MigrationCheckUnknown", "")],
    ),
    "before the first scrape": (situation(reached=None), [("hold", "NoAnswer", "")]),
    "the server is down": (situation(reached=False), [("hold", "PostgresDown", "")]),
    "the exporter's role has no connection left": (
        situation(reached=False, problem=_LIMITED, failures=[_LIMITED]),
        [("hold", "ExporterConnectionLimit", "")],
    ),
    "the server is down, and a poll found no connection left before": (
        situation(reached=False, problem="connection refused", failures=[_LIMITED]),
        [("hold", "ExporterConnectionLimit", ""), ("hold", "PostgresDown", "")],
    ),
    "the archive is behind": (
        archive(age=301, behind=600),
        [("hold", "PostgresArchiveBehind", "")],
    ),
    "a snapshot of running transactions is not archived": (archive(age=900, behind=512), []),
    "archive_timeout is not over": (archive(age=2099, behind=600, timeout=1800), []),
    "archive_timeout is over": (
        archive(age=2101, behind=600, timeout=1800),
        [("hold", "PostgresArchiveBehind", "")],
    ),
    "a file is not full": (archive(age=900, behind=600, timeout=0), []),
    "a full file is not archived": (
        archive(age=900, behind=2**24, timeout=0),
        [("hold", "PostgresArchiveBehind", "")],
    ),
    "a database does not answer": (
        situation(databases={"game": False}),
        [("hold", "MigrationDatabaseUnreachable", "game")],
    ),
    "a database is left out": (situation(left_out=1), [("hold", "MigrationDatabasesLeftOut", "")]),
    "histories are left out": (
        situation(state("succeeded"), unread={"game": 3}),
        [("hold", "MigrationExporterLeftOut", "game")],
    ),
    "a collector gives no answer": (
        situation(silent={"locks": "timeout"}),
        [("hold", "MigrationExporterBlind", "")],
    ),
    "a metric of the user gives no answer": (situation(silent={"custom_a": "timeout"}), []),
    "the watcher is about to start": (
        situation(watch_age=None, age=1),
        [("hold", "NoAnswer", "")],
    ),
    "the watcher does not start": (
        situation(watch_age=None, age=31),
        [("hold", "MigrationExporterWatcherStale", "")],
    ),
    "the watcher hangs": (
        situation(watch_age=61.0),
        [("hold", "MigrationExporterWatcherStale", "")],
    ),
}
