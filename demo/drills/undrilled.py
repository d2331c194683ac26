"""The alerts that no drill fires, each with the reason."""

from __future__ import annotations

_SERVICE = "reads a metric of the quest service itself, which the demo has not"
_HOURS = "compares windows of minutes to days, which are not scaled down"
_NO_ALARM = "alarms nobody: its severity is none or info"

#: Alert -> why. What they fire on is proven by promtool alone (`alerts/tests`).
UNDRILLED = {
    "DatabaseMigrationInProgress": _NO_ALARM,
    "IndexBuildStalled": "needs a build that neither works nor waits: a disk that hangs",
    "MigrationExporterScrapeSlow": "Prometheus scrapes every second here, and gives up before",
    "MigrationExporterWatcherStale": "needs a watcher that hangs while scrapes go on",
    "MigrationLogPipelineAbsent": "fires all the time: the demo has a pipeline only in its drills",
    "MigrationSucceeded": _NO_ALARM,
    "PostgresArchiveBehind": "needs more than archive_timeout, a minute, without an archive",
    "PostgresCacheHitRateLow": _HOURS,
    "PostgresConnectionsWithoutTls": "is disabled: nothing here leaves the loopback interface",
    "PostgresIndexHitRateLow": _HOURS,
    "PostgresLatencyBudgetBurnFast": _HOURS,
    "PostgresLatencyBudgetBurnSlow": _HOURS,
    "PostgresQueryLatencyAboveTarget": _HOURS,
    "PostgresQueryLatencyRegressed": _HOURS,
    "PostgresTableBloated": "needs a table of more than the least size that counts",
    "PostgresWalReceiverDown": "needs an exporter beside the standby",
    "PostgresWraparoundNear": "needs hundreds of millions of transactions",
    "QuestCacheHitLow": _SERVICE,
    "QuestDurationHigh": _NO_ALARM,
    "QuestImportFailing": _SERVICE,
    "QuestQueryLatencyHigh": _SERVICE,
    "QuestsMissing": "the application of the demo begins quests all the time",
    "Watchdog": _NO_ALARM,
}
