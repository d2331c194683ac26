"""Which collectors run on this server: made from its capabilities, once until they change."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pg_migration_exporter.collectors import COLLECTORS, Collector
from pg_migration_exporter.collectors.checks import check_collector
from pg_migration_exporter.collectors.custom import custom_collector
from pg_migration_exporter.config import Settings
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.postgres.capabilities import Capabilities, Requirement

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SkippedCollector:
    """A collector that cannot run, and the requirement that is not met."""

    collector: Collector[Any]
    obstacle: Requirement


@dataclass(frozen=True, slots=True)
class Plan:
    """The collectors that run, and those that cannot where that is to be reported.

    `capabilities` is None before the server was first reached.
    """

    collectors: Sequence[Collector[Any]] = ()
    skipped: Sequence[SkippedCollector] = ()
    capabilities: Capabilities | None = None

    @classmethod
    def make(cls, collectors: Sequence[Collector[Any]], capabilities: Capabilities) -> Plan:
        """Sort the collectors by whether the server and the role let them run."""
        running: list[Collector[Any]] = []
        skipped: list[SkippedCollector] = []
        for collector in collectors:
            if not collector.runs_in(capabilities.datname):
                continue
            obstacle = collector.obstacle(capabilities)
            if obstacle is None:
                running.append(collector)
            elif obstacle.report_when_missing:
                skipped.append(SkippedCollector(collector, obstacle))
        return cls(running, skipped, capabilities)

    def problems(self) -> list[str]:
        """Return a line for each collector that cannot run: which one, and what to do."""
        assert self.capabilities is not None
        return [
            f"collector {skipped.collector.name} cannot run: "
            f"{skipped.obstacle.remedy_for(self.capabilities)}"
            for skipped in self.skipped
        ]

    def log(self, prefix: str) -> None:
        """Log what runs and what does not; `prefix` begins each line."""
        assert self.capabilities is not None
        log.info(
            "%sconnected to database %s of PostgreSQL %s, %s, as %s; collectors: %s",
            prefix,
            self.capabilities.datname,
            self.capabilities.version,
            self.capabilities.role,
            self.capabilities.usename,
            ", ".join(collector.name for collector in self.collectors),
        )
        for problem in self.problems():
            log.warning("%s%s", prefix, problem)


def select_collectors(settings: Settings) -> tuple[Collector[Any], ...]:
    """Return the collectors that the configuration selects, the user's own last.

    Raises ConfigError for an unknown name.
    """
    available = (
        *COLLECTORS,
        *map(check_collector, settings.checks),
        *map(custom_collector, settings.custom_metrics),
    )
    enabled, disabled = settings.collectors.enabled, settings.collectors.disabled
    known = [collector.name for collector in available]
    for key, names in (("enabled", enabled), ("disabled", disabled)):
        for name in names:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
                raise ConfigError(f"collectors.{key}: there is no collector {name!r}; {hint}")
    return tuple(
        collector
        for collector in available
        if (collector.default_on or collector.name in enabled)
        and collector.name not in disabled
        and collector.is_configured(settings)
    )
