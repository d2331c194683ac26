"""The alerts without a drill, with the reasons."""

from __future__ import annotations

_HOURS = "compares windows of minutes to days, which are not scaled down"
_NO_ALARM = "is not urgent: its severity is none or info"

#: Alert -> reason. Only promtool tests them (`alerts/tests`).
UNDRILLED = {
    "DatabaseLatencyUncounted": _NO_ALARM,
    "DatabaseMigrationInProgress": _NO_ALARM,
    "MigrationExporterLeftOut": "needs more databases, roles or changesets than a limit allows",
    "MigrationExporterPasswordExpires": "its role has a password without an end",
    "MigrationExporterScrapeSlow": "the demo's Prometheus times out earlier, after a second",
    "MigrationExporterSuperuser": "needs a superuser, whose DSN the exporter refuses",
    "MigrationExporterWatcherStale": "needs a watcher that hangs while scrapes succeed",
    "MigrationLogPipelineAbsent": "fires all the time: the demo has a pipeline only in some drills",
    "MigrationSucceeded": "is no fault; the quiet hour sees it after each release",
    "PostgresActiveQueryLong": _HOURS,
    "PostgresAnalyzeOverdue": _HOURS,
    "PostgresArchivingOff": "the demo archives; the setting needs a restart",
    "PostgresBackupOld": _HOURS,
    "PostgresCacheHitRateLow": _HOURS,
    "PostgresCheckpointsTooOften": _HOURS,
    "PostgresChecksumFailures": "needs a damaged disk",
    "PostgresConnectionsWithoutTls": "is disabled: nothing here leaves the loopback interface",
    "PostgresDdlNotLogged": _NO_ALARM,
    "PostgresDiskFilling": "reads a metric of node_exporter, which the demo does not have",
    "PostgresIndexHitRateLow": _HOURS,
    "PostgresLatencyBudgetBurnFast": _HOURS,
    "PostgresLatencyBudgetBurnSlow": _HOURS,
    "PostgresLogicalConsumerBehind": "needs more WAL than a gigabyte",
    "PostgresPrimaryNotOne": "needs an exporter of the standby",
    "PostgresQueryLatencyAboveTarget": _HOURS,
    "PostgresQueryLatencyRegressed": _HOURS,
    "PostgresReplayPaused": "needs an exporter of the standby",
    "PostgresReplicationLagBytes": "needs more WAL than a gigabyte",
    "PostgresReplicationSlotInactive": _HOURS,
    "PostgresRestarted": _NO_ALARM,
    "PostgresRoleChanged": _NO_ALARM,
    "PostgresRollbacksMany": _HOURS,
    "PostgresSequenceNearEnd": "the demo has no sequence near its end",
    "PostgresSettingsPendingRestart": _NO_ALARM,
    "PostgresStandbyDelayed": _NO_ALARM,
    "PostgresStatementsCanceled": _HOURS,
    "PostgresTableBloated": "needs a table above the minimum size of the rule",
    "PostgresTlsVersionOld": "the demo's connections stay on the loopback interface",
    "PostgresVacuumOverdue": _HOURS,
    "PostgresWalReceiverDown": "needs an exporter of the standby",
    "PostgresWraparoundImminent": "needs hundreds of millions of transactions",
    "PostgresWraparoundNear": "needs hundreds of millions of transactions",
    "Watchdog": _NO_ALARM,
}
