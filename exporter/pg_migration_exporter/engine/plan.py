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
class Plan:
    """The collectors that run, and those that cannot with the requirement they miss, if it is said.

    `capabilities` is None before the server was ever reached.
    """

    collectors: Sequence[Collector[Any]] = ()
    skipped: Sequence[tuple[Collector[Any], Requirement]] = ()
    capabilities: Capabilities | None = None

    @classmethod
    def make(cls, collectors: Sequence[Collector[Any]], capabilities: Capabilities) -> Plan:
        """Sort the collectors by whether the server and the role let them run."""
        meant = [one for one in collectors if one.runs_in(capabilities.datname)]
        judged = [(one, one.obstacle(capabilities)) for one in meant]
        return cls(
            [one for one, obstacle in judged if obstacle is None],
            [
                (one, lacks)
                for one, lacks in judged
                if lacks is not None and lacks.report_when_missing
            ],
            capabilities,
        )

    def problems(self) -> list[str]:
        """A line for each collector that cannot run: which one, and what to do."""
        assert self.capabilities is not None
        return [
            f"collector {one.name} cannot run: {obstacle.remedy_for(self.capabilities)}"
            for one, obstacle in self.skipped
        ]

    def log(self, place: str) -> None:
        """Say once what runs and what does not; `place` stands before each line."""
        assert self.capabilities is not None
        log.info(
            "%sconnected to database %s of PostgreSQL %s, %s, as %s; collectors: %s",
            place,
            self.capabilities.datname,
            self.capabilities.version,
            self.capabilities.role,
            self.capabilities.usename,
            ", ".join(one.name for one in self.collectors),
        )
        for problem in self.problems():
            log.warning("%s%s", place, problem)


def select_collectors(settings: Settings) -> tuple[Collector[Any], ...]:
    """The collectors that the configuration asks for, the user's own last.

    Raises ConfigError for an unknown name.
    """
    all_of_them = (
        *COLLECTORS,
        *map(check_collector, settings.checks),
        *map(custom_collector, settings.custom_metrics),
    )
    enabled, disabled = settings.collectors.enabled, settings.collectors.disabled
    known = [one.name for one in all_of_them]
    for key, names in (("enabled", enabled), ("disabled", disabled)):
        for name in names:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
                raise ConfigError(f"collectors.{key}: there is no collector {name!r}; {hint}")
    return tuple(
        one
        for one in all_of_them
        if (one.default_on or one.name in enabled)
        and one.name not in disabled
        and one.is_configured(settings)
    )
