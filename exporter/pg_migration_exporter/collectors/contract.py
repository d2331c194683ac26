"""The contract of a collector: declared as data, run by the scrape.

A collector declares its families, its SQL and what it cannot do without. Most need no code: a
column named after a family is that family's value, columns named after its labels are the labels,
and a null value is no sample. One that needs more brings a `collect` of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from hashlib import sha256
from math import floor
from typing import Any, Literal

from pg_migration_exporter.config.schema import Settings
from pg_migration_exporter.events import Event
from pg_migration_exporter.metrics.families import Family, FamilySamples, Value
from pg_migration_exporter.postgres.capabilities import (
    OLDEST_SUPPORTED,
    Capabilities,
    Requirement,
    server_version,
)
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows
from pg_migration_exporter.postgres.session import Session

Cost = Literal["cheap", "moderate", "expensive"]


@dataclass(slots=True)
class RunContext:
    """What one run of one collector works with, and the families it fills.

    `is_main`: it runs in the database that is connected to, and speaks for the whole server.
    """

    session: Session
    capabilities: Capabilities
    settings: Settings
    memory: Any
    families: dict[str, FamilySamples]
    emit: Callable[[Event], None]
    is_main: bool = True

    def add(self, family: Family, value: Value, *labels: str) -> None:
        """Add one sample; `labels` follow the family's declaration."""
        self.families[family.name].add(value, *labels)

    def add_column(
        self, family: Family, labels: Sequence[Sequence[str]], values: Sequence[Any]
    ) -> None:
        """Add a sample for each `Value` that is not null, with the labels at the same place."""
        pairs = zip(labels, values, strict=True)
        present = [one for one in pairs if one[1] is not None] if None in values else pairs
        self.families[family.name].samples.extend(present)

    async def query(self, query: Query, *parameters: str, **names: str) -> Rows:
        """Run the variant for this server; `names` (quoted identifiers) fill its placeholders."""
        sql = query.for_version(self.capabilities.version_num)
        return await self.session.query(sql.format(**names) if names else sql, parameters)


Collect = Callable[["Collector", RunContext], Awaitable[None]]
#: Looks about once a second between scrapes, if it thinks that it is time.
Sample = Callable[[RunContext], Awaitable[None]]
#: Looks between scrapes, updates the memory, tells events; True while something is under way.
Watch = Callable[[RunContext], Awaitable[bool]]


@dataclass(slots=True)
class CachedResult:
    """What a collector with a `ttl` found last, the server that it came from, and when."""

    families: dict[str, FamilySamples] = field(default_factory=dict)
    server: Capabilities | None = None
    at: float = 0.0

    def is_fresh(self, ttl: float, server: Capabilities, collector: str) -> bool:
        """Whether it is of this server and of the `ttl` seconds that run now.

        These begin at another moment for each collector and database: else all that is dear would
        be asked in one scrape of a minute, since the first one asks for everything.
        """
        phase = _share(collector) + _share(server.datname)
        began, now = (moment / ttl + phase for moment in (self.at, time.monotonic()))
        return self.server == server and floor(began) == floor(now)

    def keep(self, families: dict[str, FamilySamples], server: Capabilities) -> None:
        """Replace it."""
        self.families, self.server, self.at = families, server, time.monotonic()


@cache
def _share(name: str) -> float:
    """A number from 0 to 1 for a name, always the same."""
    return int.from_bytes(sha256(name.encode("utf-8", "surrogateescape")).digest()[:4]) / 2**32


async def collect_columns(collector: Collector, context: RunContext) -> None:
    """Read the columns of the answers of every query of the collector that runs on this server.

    All are asked in one round trip; less than `ttl` later, what was found is told again.
    """
    kept = context.memory
    if collector.ttl and kept.is_fresh(collector.ttl, context.capabilities, collector.name):
        context.families.update(kept.families)
        return
    given = collector.parameters(context.settings)
    queries = [query for query in collector.queries if query.runs_on(context.capabilities)]
    for rows in await asyncio.gather(*(context.query(query, *given) for query in queries)):
        read_columns(collector, rows, context)
    if collector.ttl:
        kept.keep(context.families, context.capabilities)


def read_columns(collector: Collector, rows: Rows, context: RunContext) -> None:
    """Read the columns of one answer that are named after families of the collector.

    Each row is a sample of each of them. Labels are put together once for all that share them.
    """
    columns = rows.by_column()
    labels: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for family in collector.families:
        if family.name not in columns:
            continue
        if family.labels not in labels:
            of_each = zip(*(columns[name] for name in family.labels), strict=True)
            labels[family.labels] = list(of_each) if family.labels else [()] * len(rows.rows)
        context.add_column(family, labels[family.labels], columns[family.name])


@dataclass(frozen=True)
class Collector:
    """One subsystem of the server, and how it becomes metric families.

    `level`: `server` for what reads the same in every database of a server: it runs in the one
    that is connected to; `database` runs in each that is watched and labels with its name.
    `databases` are patterns of the names of those where it runs. `ttl`: seconds for which answers
    are repeated at most, being dear or seldom changing; 0: asked at every scrape. `parameters` are
    sent with each of its queries. `memory` makes what the collector remembers about one database,
    from scrape to scrape and between them; one that is `watch.store.Durable` outlives the process.
    `close` ends what it holds open. One that runs `last` waits for all others: its statements are
    the user's, and may be slow.
    """

    name: str
    help: str
    families: tuple[Family, ...]
    queries: tuple[Query, ...]
    cost: Cost = "cheap"
    default_on: bool = True
    level: Literal["server", "database"] = "database"
    databases: tuple[str, ...] = ("*",)
    last: bool = False
    requires: tuple[Requirement, ...] = ()
    ttl: float = 0.0
    parameters: Callable[[Settings], tuple[str, ...]] = field(default=lambda _: ())
    collect: Collect = collect_columns
    memory: Callable[[Settings], Any] = field(default=lambda _: CachedResult())
    watch: Watch | None = None
    sample: Sample | None = None
    is_configured: Callable[[Settings], bool] = field(default=lambda _: True)
    close: Callable[[Any], Awaitable[None]] | None = None

    def unfilled(self) -> dict[str, FamilySamples]:
        """Its families by name, with no samples yet: for the context of one run."""
        return {family.name: FamilySamples(family) for family in self.families}

    def runs_in(self, datname: str) -> bool:
        """Whether it is meant for the database of this name."""
        return any(fnmatchcase(datname, pattern) for pattern in self.databases)

    def obstacle(self, capabilities: Capabilities) -> Requirement | None:
        """The first requirement that this server or role does not meet."""
        needed = (query.oldest for query in self.queries if not query.optional)
        oldest = max(needed, default=OLDEST_SUPPORTED)
        everything = (server_version(oldest), *self.requires)
        return next((one for one in everything if not one.is_met(capabilities)), None)
