"""When the latest changeset was recorded, whatever happens to its row afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from pg_migration_exporter.liquibase.history.row import Row


@dataclass(frozen=True, slots=True)
class Deployment:
    """The latest row of a history, and when it was recorded, in seconds since the epoch."""

    identity: str
    order: int
    deployment_id: str | None
    recorded_at: float | None

    def is_of(self, row: Row) -> bool:
        """Whether this is the deployment that recorded `row`."""
        return (self.identity, self.order, self.deployment_id) == (
            row.identity, row.order, row.deployment_id,
        )  # fmt: skip


def deployment_of(row: Row | None, known: Deployment | None, now: float) -> Deployment | None:
    """Return the deployment that recorded `row`; the first time that was known for it stays.

    A tag, clear-checksums or a restore writes the row again, which moves its commit time.
    """
    if row is None:
        return None
    if known is not None and known.is_of(row):
        return known
    return Deployment(row.identity, row.order, row.deployment_id, row.recorded_at(now))
