"""The facts about one target, from which its verdict and its answers follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.limits import What
from pg_migration_exporter.status.model import (
    CheckStatus,
    Collector,
    IndexBuild,
    InvalidIndex,
    Migration,
    Server,
    Waits,
)


def is_failing(check: CheckStatus) -> bool:
    """Return whether a check fails during its phase."""
    return check.passes is False and check.matters


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """The facts about one target, each list with the worst first.

    `databases` maps each name to whether the database answered; `left_out` are beyond the limit of
    their number. `not_shown` counts what other limits leave out, by kind. `watch_age` is
    the age of the watcher's latest poll in seconds, None before the first.
    """

    settings: Settings
    server: Server
    databases: Mapping[str, bool] = field(default_factory=dict)
    left_out: int = 0
    not_shown: Mapping[What, int] = field(default_factory=dict)
    collectors: Sequence[Collector] = ()
    migrations: Sequence[Migration] = ()
    checks: Sequence[CheckStatus] = ()
    builds: Sequence[IndexBuild] = ()
    invalid: Sequence[InvalidIndex] = ()
    waits: Waits | None = None
    watch_age: float | None = None

    @property
    def worst_migration(self) -> Migration | None:
        """The migration in the worst state; None without one, or while the server is down."""
        return self.migrations[0] if self.migrations and self.server.reached else None
