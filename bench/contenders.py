"""The exporters that are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench.client import Client
from bench.postgres_exporter import PostgresExporter, no_collectors
from bench.queries import TABLES, our_queries
from bench.server import create_role
from testbed.database import Database
from testbed.exporter import Exporter
from testbed.postgres import Server
from testbed.service import HttpService
from testbed.workspace import Workspace

_NOTHING_OF_ITS_OWN = ("--disable-default-metrics", "--disable-settings-metrics")


@dataclass(frozen=True, slots=True)
class Contender:
    """An exporter; `role` is the name of its folder and of its own role in the database."""

    title: str
    role: str
    service: Callable[[Workspace, Database, str], HttpService]
    #: Pattern of the sample by which it admits that a scrape went wrong.
    fault: str


def _ours(workspace: Workspace, database: Database, name: str) -> HttpService:
    return Exporter(workspace, {"postgres": {"dsn": database.conninfo()}}, name)


def _peer_with_our_queries(workspace: Workspace, database: Database, name: str) -> HttpService:
    queries = our_queries(database)
    options = [*_NOTHING_OF_ITS_OWN, *no_collectors()]
    return PostgresExporter(workspace, database, name, queries, options)


def _peer_with_tables(workspace: Workspace, database: Database, name: str) -> HttpService:
    return PostgresExporter(workspace, database, name, TABLES)


_OUR_FAULT = r"^migration_exporter_collector_success\{.*\} 0$"
_PEER_FAULT = r"^pg_exporter_(last_scrape_error|user_queries_load_error\{.*\}) 1$"

OURS = Contender("pg-migration-exporter", "ours", _ours, _OUR_FAULT)
CONTENDERS = (
    OURS,
    Contender("postgres_exporter", "peer", PostgresExporter, _PEER_FAULT),
    Contender("postgres_exporter, our queries", "peer_ours", _peer_with_our_queries, _PEER_FAULT),
    Contender("postgres_exporter, tables", "peer_tables", _peer_with_tables, _PEER_FAULT),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A running contender and a client that scrapes it."""

    contender: Contender
    service: HttpService
    client: Client

    @property
    def role(self) -> str:
        return self.contender.role

    @property
    def pid(self) -> int:
        return self.service.process.pid


@contextmanager
def running(
    workspace: Workspace, server: Server, contenders: Sequence[Contender], deadline: float
) -> Iterator[list[Entry]]:
    """Start all `contenders` on the same database; `deadline` of a scrape in seconds."""
    with ExitStack() as stack:
        entries = []
        for contender in contenders:
            database = create_role(server.database(), contender.role)
            service = contender.service(workspace, database, contender.role)
            stack.enter_context(service)
            client = stack.enter_context(Client(service.port, deadline))
            entries.append(Entry(contender, service, client))
        yield entries
