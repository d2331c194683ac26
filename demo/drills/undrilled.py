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
    "MigrationExporterLeftOut": "needs more databases, roles or changesets than a limit allows",
    "MigrationExporterScrapeSlow": "the demo's Prometheus times out earlier, after a second",
    "MigrationExporterScrapesLost": _NOT_YET,
    "MigrationExporterSuperuser": "needs a superuser, whose DSN the exporter refuses",
    "MigrationExporterVanished": _NOT_YET,
    "MigrationExporterWatcherStale": "needs a watcher that hangs while scrapes succeed",
    "MigrationFailureUnresolved": _NOT_YET,
    "MigrationLogPipelineAbsent": "fires all the time: the demo has a pipeline only in some drills",
    "MigrationSucceeded": "is no fault; the quiet hour sees it after each release",
    "PostgresCacheHitRateLow": _HOURS,
    "PostgresConnectionsWithoutTls": "is disabled: nothing here leaves the loopback interface",
    "PostgresIndexHitRateLow": _HOURS,
    "PostgresLatencyBudgetBurnFast": _HOURS,
    "PostgresLatencyBudgetBurnSlow": _HOURS,
    "PostgresQueryLatencyAboveTarget": _HOURS,
    "PostgresQueryLatencyRegressed": _HOURS,
    "PostgresTableBloated": "needs a table above the minimum size of the rule",
    "PostgresUnstable": _NOT_YET,
    "PostgresWalReceiverDown": "needs an exporter of the standby",
    "PostgresWraparoundNear": "needs hundreds of millions of transactions",
    "QuestServiceDown": _NOT_YET,
    "Watchdog": _NO_ALARM,
}
