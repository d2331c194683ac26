"""The cost of a scrape by the tables of a database, and by its statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from bench.accounts import cpu_seconds, read_account, resident_bytes
from bench.client import Answer, Client
from bench.contenders import OURS
from bench.fleet.plan import FleetPlan
from bench.fleet.server import ROLE, make_database, make_statements
from testbed.database import Database
from testbed.errors import StackError
from testbed.exporter import Exporter
from testbed.postgres import Server
from testbed.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Point:
    """A database of `size` tables or statements: times of one scrape in seconds, and its size.

    `first` is the first scrape of a new process, which connects, reads and measures everything.
    """

    size: int
    first: float
    p50: float
    cpu: float
    database_time: float
    samples: int
    resident: int


@dataclass(frozen=True, slots=True)
class Curve:
    """The quantity that grows, and a point for each size."""

    title: str
    points: tuple[Point, ...]


def measure_curves(
    workspace: Workspace, server: Server, plan: FleetPlan, progress: Callable[[str], object]
) -> tuple[Curve, Curve]:
    """Yield the curve over tables, then the one over statements."""
    tables = []
    for size in plan.tables:
        progress(f"creating {size:,} tables")
        database = make_database(server, f"tables_{size}", size)
        make_statements(server, database.name, min(plan.few, size))
        tables.append(_measure(workspace, server, database, size, plan))
    most = f"tables_{max(plan.tables)}"
    small = make_database(server, "statements", plan.few)
    statements = []
    for size in plan.statements:
        progress(f"running {size:,} statements")
        make_statements(server, most, size)
        statements.append(_measure(workspace, server, small, size, plan))
    return Curve("tables", tuple(tables)), Curve("statements", tuple(statements))


def _measure(
    workspace: Workspace, server: Server, database: Database, size: int, plan: FleetPlan
) -> Point:
    """Measure one point with a new exporter, without a watcher, whose work would be counted too."""
    administrator = server.database(database.name)
    name = f"exporter_{database.name}_{size}"
    with _scraped(workspace, database, name, plan) as (exporter, client):
        pid = exporter.process.pid
        first = _answer(client, exporter)
        _answer(client, exporter)
        used, cpu = read_account(server, administrator, ROLE, pid), cpu_seconds(pid)
        answers = [_answer(client, exporter) for _ in range(plan.scrapes)]
        cpu = cpu_seconds(pid) - cpu
        spent = read_account(server, administrator, ROLE, pid).since(used)
        return Point(
            size=size,
            first=first.seconds,
            p50=median(answer.seconds for answer in answers),
            cpu=cpu / plan.scrapes,
            database_time=spent.database_time / plan.scrapes,
            samples=answers[-1].samples,
            resident=resident_bytes(pid),
        )


@contextmanager
def _scraped(
    workspace: Workspace, database: Database, name: str, plan: FleetPlan
) -> Iterator[tuple[Exporter, Client]]:
    config = {"postgres": {"dsn": database.conninfo()}, "watch": {"enabled": False}}
    with (
        Exporter(workspace, config, name) as exporter,
        Client(exporter.port, plan.deadline) as client,
    ):
        yield exporter, client


def _answer(client: Client, exporter: Exporter) -> Answer:
    answer = client.scrape()
    if not answer.is_complete(OURS.fault):
        raise StackError(f"a scrape failed\n{exporter.process.tail()}")
    return answer
