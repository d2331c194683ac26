"""The contract of a collector: declared as data, run by the scrape.

A collector declares its families, its SQL and what it cannot do without. Most need no code: a
column named after a family is that family's value, columns named after its labels are the labels,
and a null value is no sample. One that needs more brings a `collect` of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from pg_migration_exporter.config.schema import Settings
from pg_migration_exporter.families import Family, FamilySamples, Value
from pg_migration_exporter.postgres.capabilities import Capabilities, Requirement, server_version
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.session import Rows, Session
from pg_migration_exporter.watch.events import EventLog

Cost = Literal["cheap", "moderate", "expensive"]


@dataclass(slots=True)
class Scope:
    """What one run of one collector works with, and the families it fills."""

    session: Session
    capabilities: Capabilities
    settings: Settings
    memory: Any
    families: dict[str, FamilySamples]
    events: EventLog

    def add(self, family: Family, value: Value, *labels: str) -> None:
        """Add one sample; `labels` follow the family's declaration."""
        self.families[family.name].add(value, *labels)

    async def query(self, query: Query, *parameters: str, **names: str) -> Rows:
        """Run the variant for this server; `names` (quoted identifiers) fill its placeholders."""
        sql = query.for_version(self.capabilities.version_num)
        return await self.session.query(sql.format(**names) if names else sql, parameters)


Collect = Callable[["Collector", Scope], Awaitable[None]]
#: Looks about once a second between scrapes, if it thinks that it is time.
Sample = Callable[[Scope], Awaitable[None]]
#: Looks between scrapes, updates the memory, tells events; True while something is under way.
Watch = Callable[[Scope], Awaitable[bool]]


async def collect_columns(collector: Collector, scope: Scope) -> None:
    """Run every query of the collector, in one round trip, and read the columns of the answers."""
    for rows in await asyncio.gather(*(scope.query(query) for query in collector.queries)):
        read_columns(collector, rows, scope)


def read_columns(collector: Collector, rows: Rows, scope: Scope) -> None:
    """Read the columns of one answer that are named after families of the collector."""
    for family in collector.families:
        if family.name in rows.columns:
            read_column(rows, family, scope.families[family.name])


def read_column(rows: Rows, family: Family, into: FamilySamples) -> None:
    """Add a sample for each row whose column `family.name` is not null."""
    value_at = rows.columns.index(family.name)
    labels_at = [rows.columns.index(label) for label in family.labels]
    into.samples.extend(
        ([row[index] for index in labels_at], row[value_at])
        for row in rows.rows
        if row[value_at] is not None
    )


@dataclass(frozen=True)
class Collector:
    """One subsystem of the server, and how it becomes metric families.

    `memory` makes what the collector remembers about one target, from scrape to scrape and between
    them; one that is `watch.store.Durable` outlives the process. `status` makes of it what the
    status API shows, as JSON. `close` ends what the memory holds open.
    """

    name: str
    help: str
    families: tuple[Family, ...]
    queries: tuple[Query, ...]
    cost: Cost = "cheap"
    default_on: bool = True
    requires: tuple[Requirement, ...] = ()
    collect: Collect = collect_columns
    memory: Callable[[Settings], Any] = field(default=lambda _: None)
    watch: Watch | None = None
    sample: Sample | None = None
    status: Callable[[Any], Any] | None = None
    is_configured: Callable[[Settings], bool] = field(default=lambda _: True)
    close: Callable[[Any], Awaitable[None]] | None = None

    def obstacle(self, capabilities: Capabilities) -> Requirement | None:
        """The first requirement that this server or role does not meet."""
        oldest = max((query.oldest for query in self.queries), default=0)
        everything = (server_version(oldest), *self.requires)
        return next((one for one in everything if not one.is_met(capabilities)), None)
