"""All targets of one process, by name: made from the settings, and compared with new ones.

A target costs nothing before its first scrape. One that nobody has asked for in a while gives its
connections back and keeps what it remembers; the default one, which `serve` is for, never does.
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
    "Time since the target was last asked for; absent before the first time.",
    ("target",),
)

FAMILIES = (TARGETS, TARGET_UP, SCRAPE_AGE)

#: Seconds without a scrape after which a target rests, and between looks for such targets.
_IDLE_AFTER, _LOOK_EVERY = 900.0, 60.0


@dataclass(frozen=True, slots=True)
class Changes:
    """What new settings did to the targets, by name."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __str__(self) -> str:
        said = ((kind, ", ".join(getattr(self, kind))) for kind in self.__slots__)
        return "; ".join(f"{kind}: {names}" for kind, names in said if names) or "no target changed"


class Fleet:
    """The targets; `start` and `close` frame its life."""

    def __init__(self, settings: Settings) -> None:
        self._targets = _make(settings_by_target(settings))
        self._resting: asyncio.Task[None] | None = None

    @property
    def targets(self) -> Mapping[str, Target]:
        """The targets by name; the default one, if there is one, first."""
        return self._targets

    @property
    def default(self) -> Target | None:
        """The target of /metrics, if the configuration has one."""
        return self._targets.get(DEFAULT_TARGET)

    def start(self) -> None:
        """Begin to watch the default target, and to let idle ones rest."""
        if self.default is not None:
            self.default.start()
        self._resting = asyncio.create_task(self._let_rest())

    async def apply(self, settings: Settings) -> Changes:
        """Make the targets those of `settings`; those whose settings are the same are left alone.

        Raises ConfigError before anything has changed.
        """
        wanted = settings_by_target(settings)
        same = {
            name: target
            for name, target in self._targets.items()
            if wanted.get(name) == target.settings
        }
        new = _make({name: one for name, one in wanted.items() if name not in same})
        old = {name: one for name, one in self._targets.items() if name not in same}
        self._targets = {name: same.get(name) or new[name] for name in wanted}
        # First the old ones give up their connections, so that no database ever has more than two.
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
        if self._resting is not None:
            self._resting.cancel()
        await asyncio.gather(*(target.close() for target in self._targets.values()))

    def families(self) -> Iterator[FamilySamples]:
        """What is said of all targets, on the exporter's own page."""
        up, age = FamilySamples(TARGET_UP), FamilySamples(SCRAPE_AGE)
        for name, target in self._targets.items():
            if target.last is not None and target.asked_at is not None:
                up.add(int(target.last.reached), name)
                age.add(time.monotonic() - target.asked_at, name)
        yield from (FamilySamples(TARGETS, [((), len(self._targets))]), up, age)

    async def _let_rest(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            for name, target in self._targets.items():
                is_idle = target.asked_at and time.monotonic() - target.asked_at > _IDLE_AFTER
                if is_idle and name != DEFAULT_TARGET and target.connections:
                    await target.close()


def _make(settings: Mapping[str, Settings]) -> dict[str, Target]:
    return {name: Target(one, name) for name, one in settings.items()}
