"""The schema of `verdict`: what go, hold and abort depend on (docs/verdict.md)."""

from __future__ import annotations

from pydantic import Field

from pg_migration_exporter.config.section import Section
from pg_migration_exporter.config.value_types import Seconds


class ThresholdsSection(Section):
    """The values above which something is a reason, by reason: ratios, sessions or seconds.

    A reason that is an alert too has the default threshold of the alert; a test compares them.
    """

    DatabaseConnectionPoolExhausted: float = 0.9
    DatabaseQueryLatencyHigh: float = 0.1
    MigrationBlocksTraffic: float = 5
    PostgresReplicationLagSevere: float = 60
    MigrationExporterWatcherStale: float = 60
    IndexBuildBlocked: float = 60
    IndexInvalid: float = 600
    PostgresConnectionPoolHigh: float = 0.8
    PostgresIdleInTransaction: float = 300
    PostgresTransactionLong: float = 3600
    PostgresPreparedTransactionOld: float = 600
    PostgresReplicationLagElevated: float = 30
    PostgresArchiveBehind: float = 300

    def of(self, reason: str) -> float:
        """Return the threshold of a reason."""
        value = getattr(self, reason)
        assert isinstance(value, float | int)
        return value


class VerdictSection(Section):
    """What the verdict depends on.

    `databases` are patterns: the reasons of other databases do not count for their server.
    `collectors` must answer: without one of them the verdict is hold. A reason in `ignore` counts
    nowhere. A measurement must persist for `confirm` before it means abort; it is go again when
    there was no reason for `quiet`. Latency needs `min_statements` in a minute.
    """

    databases: tuple[str, ...] = ("*",)
    collectors: tuple[str, ...] = (
        "liquibase",
        "query_duration",
        "connections",
        "index_builds",
        "replication",
        "replication_slots",
        "locks",
        "transactions",
        "sessions",
        "tables",
        "databases",
        "wal",
        "settings",
        "role",
        "files",
        "operations",
        "vacuum",
        "subscriptions",
        "sequences",
        "lock_table",
    )
    ignore: tuple[str, ...] = ()
    confirm: Seconds = 10.0
    quiet: Seconds = 180.0
    min_statements: int = Field(default=100, ge=1)
    thresholds: ThresholdsSection = Field(default_factory=ThresholdsSection)
