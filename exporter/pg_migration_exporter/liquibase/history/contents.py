"""What is kept of the rows of a history table."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from pg_migration_exporter.liquibase.history.recorded_rows import RecordedRows
from pg_migration_exporter.liquibase.history.room import size_of
from pg_migration_exporter.liquibase.history.row import BEGINNING, Row
from pg_migration_exporter.liquibase.history.tags import Tags


@dataclass(slots=True)
class Contents:
    """The rows that were read.

    `deployed` is how many of them the deployment of the last one has, `size` how many changesets
    they count as (`history.room`), and `position` the last place in the table that was read.
    """

    recorded: RecordedRows = field(default_factory=RecordedRows)
    tags: Tags = field(default_factory=Tags)
    last: Row | None = None
    deployed: int = 0
    size: int = 0
    position: int = BEGINNING

    def put(self, row: Row) -> bool:
        """Put a row; return whether its changeset is new."""
        is_new = self.recorded.put(row.identity, row.checksum, row.xid)
        if is_new:
            self.size += size_of(row.identity)
        if row.tag is not None:
            self.tags.add(row.tag, row.order)
        if self.last is None or row.order >= self.last.order:
            same = self.last is not None and self.last.deployment_id == row.deployment_id
            self.deployed = self.deployed + 1 if same else 1
            self.last = row
        return is_new


class Deployments:
    """The deployment of every row, to count those of the last one in any order of rows."""

    __slots__ = ("_deployments", "_orders")

    def __init__(self) -> None:
        self._orders = array("q")
        self._deployments = array("q")

    def put(self, row: Row) -> None:
        """Put a row."""
        self._orders.append(row.order)
        self._deployments.append(hash(row.deployment_id))

    def count(self, last: Row | None) -> int:
        """Return how many rows the deployment of the last row has, behind those of any other."""
        if last is None:
            return 0
        latest = hash(last.deployment_id)
        rows = zip(self._orders, self._deployments, strict=True)
        others = (order for order, deployment in rows if deployment != latest)
        behind = max(others, default=None)
        return sum(behind is None or order > behind for order in self._orders)
