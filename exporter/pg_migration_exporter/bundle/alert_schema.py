"""What the rules' part of a values file may hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pg_migration_exporter.bundle.types import (
    CollectorName,
    Count,
    Duration,
    Factor,
    JobName,
    LabelName,
    Model,
    OneLine,
    PositiveDuration,
    Rate,
    Ratio,
    Seconds,
    Url,
)
from pg_migration_exporter.latency.histogram import BOUNDS


class Urls(Model):
    """Where the links of an alert lead."""

    runbooks: Url
    dashboard: Url


class Prometheus(Model):
    """What the rules must know of the Prometheus that runs them."""

    job: JobName
    interval: PositiveDuration | None
    identity: Annotated[list[LabelName], Field(min_length=1)]
    labels: dict[LabelName, OneLine]


def _bound(seconds: float) -> float:
    if seconds not in BOUNDS:
        raise ValueError(f"only bounds of the histogram can be counted: {BOUNDS}")
    return seconds


class Slo(Model):
    """The objective of the query latency; `latency` must be a bound of the histogram."""

    objective: Ratio
    latency: Annotated[Seconds, AfterValidator(_bound)]


class Baseline(Model):
    """How the latency before a migration is remembered."""

    window: PositiveDuration
    settle: PositiveDuration


class Alert(Model):
    """What every alert has; the subclasses add the numbers of their expressions."""

    enabled: bool = True
    for_: Duration = Field(alias="for")
    keep_firing_for: PositiveDuration | None = None
    severity: Literal["critical", "high", "warning", "info", "none"]
    labels: dict[LabelName, OneLine] = Field(default={})
    annotations: dict[LabelName, OneLine] = Field(default={})


class SecondsAlert(Alert):
    """An alert on a time."""

    threshold: Seconds


class RatioAlert(Alert):
    """An alert on a share."""

    threshold: Ratio


class CountAlert(Alert):
    """An alert on a number of things."""

    threshold: Count


class EventAlert(Alert):
    """An alert on what happened within a window; afterwards it is over."""

    window: PositiveDuration


class CountEventAlert(CountAlert, EventAlert):
    """An alert on what happened too often within a window."""


class QuantileAlert(SecondsAlert):
    """An alert on a quantile of a histogram over a window."""

    quantile: Ratio
    window: PositiveDuration


class RegressionAlert(SecondsAlert):
    """An alert on a latency against its baseline; below the threshold none is a regression."""

    factor: Factor


class TrafficAlert(RatioAlert):
    """An alert on a share of what happens, where enough happens."""

    traffic: Rate


class SizeAlert(RatioAlert):
    """An alert on a share of a table that is large enough, in bytes."""

    size: Count


class BurnWindows(Model):
    """A burn rate, and the windows that must both show it."""

    factor: Rate
    long: PositiveDuration
    short: PositiveDuration


class BurnAlert(Alert):
    """An alert on the error budget: any of the burn rates."""

    burns: Annotated[list[BurnWindows], Field(min_length=1)]


class BlindAlert(Alert):
    """An alert on collectors that say nothing."""

    collectors: Annotated[list[CollectorName], Field(min_length=1)]


class Alerts(Model):
    """One field for each alert, named as the alert."""

    DatabaseMigrationFailed: Alert
    DatabaseQueryLatencyHigh: QuantileAlert
    DatabaseConnectionPoolExhausted: RatioAlert
    DatabaseIndexBuildSlow: SecondsAlert
    DatabaseReplicationLagHigh: SecondsAlert
    PostgresDown: Alert
    MigrationExporterDown: Alert
    MigrationExporterBlind: BlindAlert
    MigrationExporterWatcherStale: SecondsAlert
    MigrationExporterStateNotStored: Alert
    MigrationExporterScrapeSlow: SecondsAlert
    MigrationExporterRestarting: CountEventAlert
    MigrationLogPipelineDown: Alert
    MigrationLogPipelineSilent: EventAlert
    MigrationLogDeliveryFailing: EventAlert
    MigrationLogEntriesDropped: EventAlert
    MigrationLogUnreadable: EventAlert
    MigrationRunningLong: SecondsAlert
    MigrationBlocked: Alert
    MigrationBlocksTraffic: CountAlert
    MigrationLockStale: Alert
    MigrationRolledBack: EventAlert
    MigrationDrifted: CountAlert
    MigrationUnexpectedChangesets: CountAlert
    MigrationPendingLong: CountAlert
    MigrationUntagged: Alert
    MigrationChangelogUnreadable: Alert
    MigrationStateUnknown: Alert
    MigrationLogErrors: EventAlert
    IndexBuildBlocked: SecondsAlert
    IndexBuildStalled: EventAlert
    IndexBuildFailed: EventAlert
    IndexInvalid: SecondsAlert
    MigrationPrecheckFailed: Alert
    MigrationCheckFailed: Alert
    MigrationCheckWarning: Alert
    MigrationCheckUnknown: Alert
    PostgresConnectionPoolHigh: RatioAlert
    PgBouncerDown: Alert
    PgBouncerClientsWaiting: CountAlert
    PgBouncerWaitLong: SecondsAlert
    PostgresLockQueueLong: CountAlert
    PostgresLockWaitLong: SecondsAlert
    PostgresIdleInTransaction: SecondsAlert
    PostgresTransactionLong: SecondsAlert
    PostgresPreparedTransactionOld: SecondsAlert
    PostgresXminHorizonOld: CountAlert
    PostgresDeadlocks: CountEventAlert
    PostgresQueryLatencyAboveTarget: SecondsAlert
    PostgresQueryLatencyRegressed: RegressionAlert
    PostgresIndexHitRateLow: TrafficAlert
    PostgresCacheHitRateLow: TrafficAlert
    PostgresLatencyBudgetBurnFast: BurnAlert
    PostgresLatencyBudgetBurnSlow: BurnAlert
    PostgresReplicationLagElevated: SecondsAlert
    PostgresReplicationLagSevere: SecondsAlert
    PostgresStandbyLost: EventAlert
    PostgresSynchronousStandbyMissing: Alert
    PostgresWalReceiverDown: Alert
    PostgresReplicationSlotRetaining: CountAlert
    PostgresReplicationSlotAtRisk: Alert
    PostgresTableBloated: SizeAlert
    PostgresWraparoundNear: RatioAlert
    PostgresArchiverFailing: Alert
    PostgresArchiveBehind: SecondsAlert
    PostgresConnectionsWithoutTls: CountAlert
    Watchdog: Alert
    DatabaseMigrationInProgress: Alert
    MigrationSucceeded: EventAlert
    MigrationLogPipelineAbsent: Alert
    QuestQueryLatencyHigh: QuantileAlert
    QuestCacheHitLow: RatioAlert
    QuestImportFailing: RatioAlert
    QuestValidationErrors: CountEventAlert
    QuestCompletionRateLow: RatioAlert
    QuestAbandonmentRateHigh: RatioAlert
    QuestDurationHigh: SecondsAlert
    QuestsMissing: Alert


def _alert_name(name: str) -> str:
    if name not in Alerts.model_fields:
        raise ValueError("no alert of this name")
    return name


AlertName = Annotated[str, AfterValidator(_alert_name)]


class Verdict(Model):
    """Alerts whose conditions forbid a migration to start or to go on."""

    abort: Annotated[list[AlertName], Field(min_length=1)]
    hold: Annotated[list[AlertName], Field(min_length=1)]
