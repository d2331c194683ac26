"""All targets of one process, by name: made from the settings, and compared with new ones.

A target costs nothing before its first scrape. One that has not been scraped for a while closes its
connections and keeps its memories; the default target never does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.schema import DEFAULT_TARGET
from pg_migration_exporter.config.targets import settings_by_target
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.metrics.families import Family, FamilySamples

TARGETS = Family(
    "migration_exporter_targets", "gauge", "Targets in the configuration, the default one included."
)
TARGET_UP = Family(
    "migration_exporter_target_up",
    "gauge",
    "1 if the latest scrape of the target reached its server, 0 if not; absent before the first.",
    ("target",),
)
SCRAPE_AGE = Family(
    "migration_exporter_target_scrape_age_seconds",
    "gauge",
    "Time since the latest request for the target; absent before the first.",
    ("target",),
)

FAMILIES = (TARGETS, TARGET_UP, SCRAPE_AGE)

#: Seconds without a scrape after which a target's connections are closed.
_IDLE_AFTER = 900.0
#: Seconds between searches for idle targets.
_IDLE_CHECK_INTERVAL = 60.0


@dataclass(frozen=True, slots=True)
class Changes:
    """The names of the targets that new settings added, changed and removed."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __str__(self) -> str:
        kinds = {"added": self.added, "changed": self.changed, "removed": self.removed}
        parts = [f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names]
        return "; ".join(parts) or "no target changed"


class Fleet:
    """The targets, between `start` and `close`."""

    def __init__(self, settings: Settings) -> None:
        self._targets = _make(settings_by_target(settings))
        self._closing_idle: asyncio.Task[None] | None = None

    @property
    def targets(self) -> Mapping[str, Target]:
        """The targets by name; the default one, if there is one, first."""
        return self._targets

    @property
    def default(self) -> Target | None:
        """The target of /metrics, if the configuration has one."""
        return self._targets.get(DEFAULT_TARGET)

    def start(self) -> None:
        """Start to watch the default target and to close idle ones."""
        if self.default is not None:
            self.default.start()
        self._closing_idle = asyncio.create_task(self._close_idle())

    async def apply(self, settings: Settings) -> Changes:
        """Replace the targets whose settings changed, add and remove the others.

        Raises ConfigError before anything has changed.
        """
        wanted = settings_by_target(settings)
        same = {
            name: target
            for name, target in self._targets.items()
            if wanted.get(name) == target.settings
        }
        new = _make({name: target for name, target in wanted.items() if name not in same})
        old = {name: target for name, target in self._targets.items() if name not in same}
        self._targets = {name: same.get(name) or new[name] for name in wanted}
        # Close the old ones first, so that no database ever has more than two connections.
        await asyncio.gather(*(target.close() for target in old.values()))
        for name in old.keys() & new.keys():
            new[name].inherit(old[name])
        if DEFAULT_TARGET in new:
            new[DEFAULT_TARGET].start()
        return Changes(
            added=tuple(name for name in new if name not in old),
            changed=tuple(name for name in new if name in old),
            removed=tuple(name for name in old if name not in new),
        )

    async def close(self) -> None:
        """Close all targets."""
        if self._closing_idle is not None:
            self._closing_idle.cancel()
        await asyncio.gather(*(target.close() for target in self._targets.values()))

    def families(self) -> Iterator[FamilySamples]:
        """Yield the metrics about all targets, for the exporter's own page."""
        up, age = FamilySamples(TARGET_UP), FamilySamples(SCRAPE_AGE)
        for name, target in self._targets.items():
            if target.last is not None and target.requested_at is not None:
                up.add(int(target.last.reached), name)
                age.add(time.monotonic() - target.requested_at, name)
        yield from (FamilySamples(TARGETS, [((), len(self._targets))]), up, age)

    async def _close_idle(self) -> None:
        while True:
            await asyncio.sleep(_IDLE_CHECK_INTERVAL)
            for name, target in self._targets.items():
                is_idle = (
                    target.requested_at and time.monotonic() - target.requested_at > _IDLE_AFTER
                )
                if is_idle and name != DEFAULT_TARGET and target.connections:
                    await target.close()


def _make(settings: Mapping[str, Settings]) -> dict[str, Target]:
    return {name: Target(target, name) for name, target in settings.items()}
