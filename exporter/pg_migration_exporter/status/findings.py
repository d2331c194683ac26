"""What was found out about one target: what its verdict and its answers are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pg_migration_exporter.config import Settings
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
    """Whether a check says no at the time that it is for."""
    return check.passes is False and check.matters


@dataclass(frozen=True, slots=True)
class Findings:
    """The facts, the worst first.

    `databases` says whether each answered; `watch_age` is in seconds, None before the first look.
    """

    settings: Settings
    server: Server
    databases: Mapping[str, bool] = field(default_factory=dict)
    collectors: Sequence[Collector] = ()
    migrations: Sequence[Migration] = ()
    checks: Sequence[CheckStatus] = ()
    builds: Sequence[IndexBuild] = ()
    invalid: Sequence[InvalidIndex] = ()
    waits: Waits | None = None
    watch_age: float | None = None

    @property
    def worst(self) -> Migration | None:
        """The migration that asks for most; None where nothing is known of any now."""
        return self.migrations[0] if self.migrations and self.server.reached else None
