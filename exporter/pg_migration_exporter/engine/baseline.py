"""The latency before a migration of one target: fed after each poll, stored, published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.store import Store
from pg_migration_exporter.latency.histogram import GrowingHistogram
from pg_migration_exporter.latency.run_baseline import RunBaseline
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.metrics.families import Family, FamilySamples
from pg_migration_exporter.postgres.conninfo import describe_server

BASELINE = Family(
    "migration_baseline_query_duration_seconds",
    "gauge",
    "Percentile of the execution time of statements in the hour before the latest run of a "
    "migration began, without other runs; kept for `baseline.hold` after its end. group: all.",
    ("datname", "group", "quantile"),
)
_GROUP = "all"
#: Collectors with histograms of statements; of two, the last one has exact buckets.
_SOURCES = ("query_duration", "query_monitor")
_LIQUIBASE = "liquibase"

#: Returns the memories of each database of the target by collector, those of the main one first.
Memories = Callable[[], list[Mapping[str, Any]]]


class TargetBaseline:
    """Reads the memories of a target's databases; nothing is frozen that was not watched."""

    def __init__(self, settings: Settings, memories: Memories) -> None:
        self._memories = memories
        self.baseline = RunBaseline(settings.baseline.window, settings.baseline.hold)
        self._store = Store(settings.state_directory, describe_server(settings.postgres))
        self._is_restored = False

    def record(self) -> None:
        """Read the memories after a poll; before Liquibase's tables were read, nothing is known."""
        stored = {"latency_baseline": self.baseline}
        if not self._is_restored:
            self._store.restore(stored)
            self._is_restored = True
        memories = self._memories()
        snapshots = [
            snapshot
            for memory in memories
            if (liquibase := memory.get(_LIQUIBASE)) is not None
            for snapshot in liquibase.snapshots
        ]
        if snapshots:
            is_running = any(
                snapshot.decision.status is MigrationState.RUNNING for snapshot in snapshots
            )
            self.baseline.record(_histograms(memories[0]), is_running=is_running)
            self._store.save(stored)

    def samples(self) -> FamilySamples:
        """Return the percentiles that are kept."""
        found = FamilySamples(BASELINE)
        for datname, quantile, seconds in self.baseline.published():
            found.add(seconds, datname, _GROUP, f"{quantile:g}")
        return found


def _histograms(memories: Mapping[str, Any]) -> Mapping[str, GrowingHistogram]:
    found: dict[str, GrowingHistogram] = {}
    for source in _SOURCES:
        if (memory := memories.get(source)) is not None:
            found |= memory.histograms
    return found
