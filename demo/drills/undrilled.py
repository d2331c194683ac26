"""The alerts without a drill, with the reasons."""

from __future__ import annotations

_SERVICE = "reads a metric of the quest service itself, which the demo does not have"
_HOURS = "compares windows of minutes to days, which are not scaled down"
_NO_ALARM = "is not urgent: its severity is none or info"

#: Alert -> reason. Only promtool tests them (`alerts/tests`).
UNDRILLED = {
    "DatabaseMigrationInProgress": _NO_ALARM,
    "IndexBuildStalled": "needs a build that neither progresses nor waits, as on a hanging disk",
    "MigrationExporterScrapeSlow": "the demo's Prometheus times out earlier, after a second",
    "MigrationExporterSuperuser": "needs a superuser, which the demo's exporter is not",
    "MigrationExporterWatcherStale": "needs a watcher that hangs while scrapes succeed",
    "MigrationLogPipelineAbsent": "fires all the time: the demo has a pipeline only in some drills",
    "MigrationSucceeded": _NO_ALARM,
    "PostgresArchiveBehind": "needs more than archive_timeout, a minute, without archiving",
    "PostgresCacheHitRateLow": _HOURS,
    "PostgresConnectionsWithoutTls": "is disabled: nothing here leaves the loopback interface",
    "PostgresIndexHitRateLow": _HOURS,
    "PostgresLatencyBudgetBurnFast": _HOURS,
    "PostgresLatencyBudgetBurnSlow": _HOURS,
    "PostgresQueryLatencyAboveTarget": _HOURS,
    "PostgresQueryLatencyRegressed": _HOURS,
    "PostgresTableBloated": "needs a table above the minimum size of the rule",
    "PostgresWalReceiverDown": "needs an exporter of the standby",
    "PostgresWraparoundNear": "needs hundreds of millions of transactions",
    "QuestCacheHitLow": _SERVICE,
    "QuestDurationHigh": _NO_ALARM,
    "QuestImportFailing": _SERVICE,
    "QuestQueryLatencyHigh": _SERVICE,
    "QuestsMissing": "the application of the demo starts quests all the time",
    "Watchdog": _NO_ALARM,
}
