"""The alerts without a drill, with the reasons."""

from __future__ import annotations

_HOURS = "compares windows of minutes to days, which are not scaled down"
_NOT_YET = "no drill is written yet"
_NO_ALARM = "is not urgent: its severity is none or info"

#: Alert -> reason. Only promtool tests them (`alerts/tests`).
UNDRILLED = {
    "DatabaseLatencyUncounted": _NO_ALARM,
    "DatabaseMigrationInProgress": _NO_ALARM,
    "MigrationDatabaseUnreachable": _NOT_YET,
    "MigrationDatabasesLeftOut": _NOT_YET,
<<<<<<< HEAD
    "MigrationExporterLeftOut": "needs more databases, roles or changesets than a limit allows",
=======
    "MigrationExporterPasswordExpires": "its role has a password without an end",
    "MigrationExporterReloadRefused": "the demo never reloads its exporter",
>>>>>>> fe1f6d4 (Warn of what was measured and had no rule)
    "MigrationExporterScrapeSlow": "the demo's Prometheus times out earlier, after a second",
    "MigrationExporterScrapesLost": _NOT_YET,
    "MigrationExporterSuperuser": "needs a superuser, whose DSN the exporter refuses",
    "MigrationExporterVanished": _NOT_YET,
    "MigrationExporterWatcherStale": "needs a watcher that hangs while scrapes succeed",
    "MigrationFailureUnresolved": _NOT_YET,
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
    "PostgresLockTableNearlyFull": "needs thousands of locks at once",
    "PostgresLogicalConsumerBehind": "needs more WAL than a gigabyte",
    "PostgresPrimaryNotOne": "needs an exporter of the standby",
    "PostgresQueryLatencyAboveTarget": _HOURS,
    "PostgresQueryLatencyRegressed": _HOURS,
    "PostgresReplayPaused": "needs an exporter of the standby",
    "PostgresReplicationLagBytes": "needs more WAL than a gigabyte",
    "PostgresReplicationSlotInactive": _HOURS,
    "PostgresReplicationSlotInvalid": "needs more WAL than max_slot_wal_keep_size",
    "PostgresRestarted": _NO_ALARM,
    "PostgresRoleChanged": _NO_ALARM,
    "PostgresRollbacksMany": _HOURS,
    "PostgresSequenceNearEnd": "the demo has no sequence near its end",
    "PostgresSettingsPendingRestart": _NO_ALARM,
    "PostgresStandbyDelayed": _NO_ALARM,
    "PostgresStatementsCanceled": _HOURS,
    "PostgresSubscriptionStopped": "the demo has no subscription",
    "PostgresTableBloated": "needs a table above the minimum size of the rule",
    "PostgresTlsVersionOld": "the demo's connections stay on the loopback interface",
    "PostgresUnstable": _NOT_YET,
    "PostgresVacuumOverdue": _HOURS,
    "PostgresWalReceiverDown": "needs an exporter of the standby",
    "PostgresWraparoundImminent": "needs hundreds of millions of transactions",
    "PostgresWraparoundNear": "needs hundreds of millions of transactions",
    "QuestServiceDown": _NOT_YET,
    "Watchdog": _NO_ALARM,
}
