"""Makes the context of each run of a collector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pg_migration_exporter.collectors.contract import Collector, Failures, Memory, RunContext
from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.limits import Bounds
from pg_migration_exporter.engine.failures import FailureLog
from pg_migration_exporter.events import Event
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.session import Session


def _ignore(event: Event) -> None:
    """Drop an event."""


@dataclass(slots=True)
class ContextFactory:
    """What all runs in one database have in common."""

    settings: Settings
    emit: Callable[[Event], None] = _ignore
    failures: Failures = field(default_factory=FailureLog)
    is_main: bool = True

    def make(
        self,
        collector: Collector[Memory],
        memory: Memory,
        session: Session,
        capabilities: Capabilities,
    ) -> RunContext[Memory]:
        """Return the context of one run."""
        return RunContext(
            session=session,
            capabilities=capabilities,
            settings=self.settings,
            memory=memory,
            families=collector.empty_families(),
            queries=collector.queries,
            parameters=collector.parameters(self.settings),
            emit=self.emit,
            failures=self.failures,
            bounds=Bounds(self.settings.limits),
            is_main=self.is_main,
        )
