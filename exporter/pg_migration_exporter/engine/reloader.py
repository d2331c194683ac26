"""The configuration in effect, and how it is read again: on SIGHUP and POST /-/reload.

An invalid configuration changes nothing; it shows in the log, in the response and as a metric.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import TypeVar

from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.section import Section
from pg_migration_exporter.engine.fleet import Fleet
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.log import configure, redact
from pg_migration_exporter.metrics.families import Family, FamilySamples

log = logging.getLogger(__name__)

SUCCESS = Family(
    "migration_exporter_config_reload_success",
    "gauge",
    "1 if the configuration in effect is the one that was last read, 0 if that was refused.",
)
TIMESTAMP = Family(
    "migration_exporter_config_reload_timestamp_seconds",
    "gauge",
    "When the configuration in effect was read, in seconds since the epoch.",
)

FAMILIES = (SUCCESS, TIMESTAMP)

SomeSection = TypeVar("SomeSection", bound=Section)

#: Settings that are used only at the start.
_RESTART_KEYS = (
    "listen",
    "web.tls_server_config",
    "web.max_connections",
    "reports",
    "state_directory",
)


class Reloader:
    """Reads the configuration again with `read` and applies it to the fleet.

    `renew` reads what else a reload renews, the listener's certificate, and returns a function that
    puts it into effect; it raises ConfigError for files that cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        read: Callable[[], Settings],
        fleet: Fleet,
        renew: Callable[[], Callable[[], None]] | None,
    ) -> None:
        self._settings = settings
        self._read = read
        self._fleet = fleet
        self._renew = renew or (lambda: _renew_nothing)
        self._reloading = asyncio.Lock()
        self._succeeded = True
        self._loaded_at = time.time()

    @property
    def settings(self) -> Settings:
        """The configuration in effect."""
        return self._settings

    async def reload(self) -> str:
        """Read and apply; return a line with what changed. Raises ConfigError, changing nothing."""
        async with self._reloading:
            try:
                settings = await asyncio.to_thread(self._read)
                put_into_effect = await asyncio.to_thread(self._renew)
                changes = await self._fleet.apply(self._with_restart_keys(settings))
            except ConfigError as error:
                self._succeeded = False
                log.error("the configuration was not reloaded: %s", error)
                raise ConfigError(redact(str(error))) from error
            put_into_effect()
            self._succeeded, self._loaded_at = True, time.time()
            before, self._settings = self._settings, self._with_restart_keys(settings)
            if settings.log != before.log:
                configure(settings.log.level, settings.log.format)
            summary = f"{changes}{self._restart_needed(settings)}"
            log.info("configuration reloaded; %s", summary)
            return summary

    def families(self) -> Iterator[FamilySamples]:
        """Yield whether and when the configuration was read."""
        yield FamilySamples(SUCCESS, [((), int(self._succeeded))])
        yield FamilySamples(TIMESTAMP, [((), self._loaded_at)])

    def _with_restart_keys(self, settings: Settings) -> Settings:
        """Return `settings` with the current values of what only a restart can change."""
        for key in _RESTART_KEYS:
            settings = _with(settings, key, attrgetter(key)(self._settings))
        return settings

    def _restart_needed(self, settings: Settings) -> str:
        keys = [
            key
            for key in _RESTART_KEYS
            if attrgetter(key)(settings) != attrgetter(key)(self._settings)
        ]
        return f"; restart to change {', '.join(keys)}" if keys else ""


def _with(section: SomeSection, key: str, value: object) -> SomeSection:
    """Return a copy of `section` with `value` for `key`, which is dotted in a subsection."""
    name, _, rest = key.partition(".")
    return section.model_copy(
        update={name: _with(getattr(section, name), rest, value) if rest else value}
    )


def _renew_nothing() -> None:
    """Do nothing."""
