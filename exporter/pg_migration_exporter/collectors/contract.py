"""The contract of a collector: what it declares, and what one run of it works with.

A collector declares its metric families, its SQL, where the values come from and what it requires.
Most need no code: the columns of their queries are read by name (collectors/columns.py). One that
needs more has a `collect` of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Generic, Literal, Protocol, TypeVar

from pg_migration_exporter.config.limits import Bounds
from pg_migration_exporter.config.schema import Settings
from pg_migration_exporter.events import Event
from pg_migration_exporter.metrics.families import Family, FamilySamples, Value
from pg_migration_exporter.postgres.capabilities import (
    OLDEST_SUPPORTED,
    Capabilities,
    Requirement,
    server_version,
)
from pg_migration_exporter.postgres.guarded_table import GuardedTable
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows
from pg_migration_exporter.postgres.session import Session
from pg_migration_exporter.postgres.statement import Statement

Cost = Literal["cheap", "moderate", "expensive"]
#: What a collector remembers about one database.
Memory = TypeVar("Memory")


class Failures(Protocol):
    """Where a collector records what fails without making its whole run fail."""

    def record(self, subject: str, reason: str) -> None:
        """Note that `subject` fails; a new reason is logged."""

    def clear(self, subject: str) -> None:
        """Note that `subject` works; its recovery is logged."""


@dataclass(slots=True)
class RunContext(Generic[Memory]):
    """What one run of a collector works with, and the families that it fills.

    `queries` are those of the collector, `parameters` what is sent with each of them. `bounds` are
    the limits of what it shows, and note what is left out. `is_main` is True in the database of the
    connection string, which stands for the whole server.
    """

    session: Session
    capabilities: Capabilities
    settings: Settings
    memory: Memory
    families: dict[str, FamilySamples]
    queries: Sequence[Query]
    parameters: Sequence[str]
    emit: Callable[[Event], None]
    failures: Failures
    bounds: Bounds = field(default_factory=Bounds)
    is_main: bool = True

    def add(self, family: Family, value: Value, *labels: str) -> None:
        """Add one sample; `labels` in the order of the family's declaration."""
        self.families[family.name].add(value, *labels)

    def add_column(
        self, family: Family, labels: Sequence[Sequence[str]], values: Sequence[Any]
    ) -> None:
        """Add a sample for each value that is not null, with the labels at the same index."""
        pairs = zip(labels, values, strict=True)
        present = [pair for pair in pairs if pair[1] is not None] if None in values else pairs
        self.families[family.name].samples.extend(present)

    async def query(self, query: Query, *parameters: str, **names: str | GuardedTable) -> Rows:
        """Run the variant for this server; `names`, tables or SQL, fill its placeholders.

        Tables of others are read in a transaction that guards them.
        """
        sql = query.for_version(self.capabilities.version_num)
        tables = [name for name in names.values() if isinstance(name, GuardedTable)]
        if names:
            sql = sql.format(
                **{
                    key: name.quoted if isinstance(name, GuardedTable) else name
                    for key, name in names.items()
                }
            )
        if not tables:
            return await self.session.query(sql, parameters)
        guards = [guard for table in tables for guard in table.guards()]
        return await self.session.query_in_transaction(*guards, Statement(sql, parameters))


#: Fills the families of a scrape.
Collect = Callable[[RunContext[Memory]], Awaitable[None]]
#: Runs about once a second between scrapes and updates the memory; True if a poll is due.
Sample = Callable[[RunContext[Memory]], Awaitable[bool]]
#: Runs between scrapes, updates the memory, emits events; True while something is in progress.
Watch = Callable[[RunContext[Memory]], Awaitable[bool]]


def _no_memory(_: Settings) -> Any:
    return None


@dataclass(frozen=True)
class Collector(Generic[Memory]):
    """One subsystem of the server, and how it becomes metric families.

    `sources` are the views and functions that the values come from. `level="server"` is for what
    reads the same in every database of a server: it runs in the database of the connection string
    only; `"database"` runs in each watched database and labels with its name. `databases` are
    patterns of the names of databases where it runs. For at most `ttl` seconds, the result of a run
    is repeated, because it is expensive or seldom changes; 0: it runs at every scrape. `parameters`
    are sent with each query whose columns are read. `collect` is None where columns are all there
    is. `memory` makes what the collector remembers about one database, shared by scrapes and the
    watcher; one that is `engine.store.Durable` outlives the process. `close` ends what it holds
    open. One that runs `last` waits for all others: its statements are the user's, and may be slow.
    """

    name: str
    help: str
    sources: tuple[str, ...]
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
    collect: Collect[Memory] | None = None
    memory: Callable[[Settings], Memory] = _no_memory
    watch: Watch[Memory] | None = None
    sample: Sample[Memory] | None = None
    is_configured: Callable[[Settings], bool] = field(default=lambda _: True)
    close: Callable[[Memory], Awaitable[None]] | None = None

    @property
    def description(self) -> str:
        """Its help and its sources, in sentences."""
        return f"{self.help} Source: {', '.join(self.sources)}."

    def empty_families(self) -> dict[str, FamilySamples]:
        """Return its families by name, without samples: for the context of one run."""
        return {family.name: FamilySamples(family) for family in self.families}

    def runs_in(self, datname: str) -> bool:
        """Return whether it runs in the database of this name."""
        return any(fnmatchcase(datname, pattern) for pattern in self.databases)

    def obstacle(self, capabilities: Capabilities) -> Requirement | None:
        """Return the first requirement that this server or role does not meet."""
        needed = (query.oldest for query in self.queries if not query.optional)
        oldest = max(needed, default=OLDEST_SUPPORTED)
        requirements = (server_version(oldest), *self.requires)
        unmet = (item for item in requirements if not item.is_met(capabilities))
        return next(unmet, None)
