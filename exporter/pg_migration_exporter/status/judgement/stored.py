"""The reasons of a target, stored so that neither a restart nor a reload turns hold into go."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.store import Store
from pg_migration_exporter.postgres.conninfo import describe_server
from pg_migration_exporter.status.judgement.memory import ReasonMemory, Standing
from pg_migration_exporter.status.judgement.reason import Reason

#: The name of this memory among those of the collectors.
_NAME = "verdict"


class StoredReasons:
    """A memory of reasons in the state directory; times are those of time.monotonic()."""

    def __init__(self, settings: Settings, now: float) -> None:
        self._memory = ReasonMemory(settings.verdict)
        self._store = Store(settings.state_directory, describe_server(settings.postgres))
        #: From time.monotonic() to the time of day, which outlives the process.
        self._offset = time.time() - now
        self._store.restore({_NAME: self})

    def update(self, found: Iterable[Reason], now: float, *, is_blind: bool) -> Sequence[Standing]:
        """Return the reasons that count at `now`, the worst first, and store them."""
        standing = self._memory.update(found, now, is_blind=is_blind)
        self._store.save({_NAME: self})
        return standing

    def dump(self) -> dict[str, Any]:
        """Return everything that must outlive the process."""
        return {"reasons": self._memory.dump(self._offset)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `dump` returned; if it is not, raise an error and keep what there was."""
        self._memory.restore(state["reasons"], -self._offset)
