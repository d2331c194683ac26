"""Faults of what the exporter can reach, and of what Prometheus can reach of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import yaml

from demo.scenarios.fault import Fault
from demo.world import EXPORTER_ROLE, JOB, World
from testbed.exporter import Exporter
from testbed.waiting import wait_until

_OTHERS = ("archive", "reports")
_LIMIT = "SELECT rolconnlimit FROM pg_roles WHERE rolname = %s"
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
#: Each is two changes of `up`.
_LOST = 3
#: As MigrationExporterVanished sees the number of targets.
_USUAL_TARGETS = f'quantile_over_time(0.9, count(up{{job="{JOB}"}})[1m:1m]) > 1'


def _configuration(world: World) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(world.exporter.config.read_text())
    return loaded


def _reload(world: World) -> None:
    httpx.post(f"{world.exporter.url}/-/reload", timeout=30)


@contextmanager
def _configured(world: World, changes: dict[str, Any]) -> Iterator[None]:
    """Let the exporter use another configuration while the body runs."""
    usual = _configuration(world)
    world.exporter.configure(usual | changes)
    _reload(world)
    try:
        yield
    finally:
        world.exporter.configure(usual)
        _reload(world)


@contextmanager
def _other_databases(world: World) -> Iterator[None]:
    for name in _OTHERS:
        world.primary.create_database(name)
    try:
        yield
    finally:
        for name in _OTHERS:
            world.primary.drop_database(name)


@contextmanager
def _database_refuses(world: World) -> Iterator[None]:
    """Take the right to connect to one of the watched databases from everybody."""
    with _other_databases(world), _configured(world, {"databases": {"include": [_OTHERS[0]]}}):
        up = f'migration_exporter_database_up{{datname="{_OTHERS[0]}"}} == 1'
        wait_until(lambda: world.prometheus.query(up), 30, "the database is watched")
        world.database.execute(f"REVOKE CONNECT ON DATABASE {_OTHERS[0]} FROM PUBLIC")
        world.database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [_OTHERS[0]],
        )
        yield


@contextmanager
def _databases_left_out(world: World) -> Iterator[None]:
    """Watch more databases than the limit allows."""
    databases = {"include": [*_OTHERS], "limit": 1}
    with _other_databases(world), _configured(world, {"databases": databases}):
        yield


@contextmanager
def _connections_used_up(world: World) -> Iterator[None]:
    """Leave the exporter's role no connection; the server is well."""
    before = world.database.value(_LIMIT, [EXPORTER_ROLE])
    world.database.execute(f"ALTER ROLE {EXPORTER_ROLE} CONNECTION LIMIT 0")
    world.database.execute(_END_SESSIONS, [EXPORTER_ROLE])
    yield
    world.database.execute(f"ALTER ROLE {EXPORTER_ROLE} CONNECTION LIMIT {before}")


@contextmanager
def _configuration_broken(world: World) -> Iterator[None]:
    with _configured(world, {"watch": {"interval": "soon"}}):
        yield


@contextmanager
def _scrapes_lost(world: World) -> Iterator[None]:
    """Let the exporter stand still again and again, longer than the scrape timeout."""
    for _ in range(_LOST - 1):
        world.exporter.process.freeze()
        _await_up(world, 0)
        world.exporter.process.thaw()
        _await_up(world, 1)
    world.exporter.process.freeze()
    yield
    world.exporter.process.thaw()


def _await_up(world: World, value: int) -> None:
    up = f'up{{job="{JOB}"}} == {value}'
    wait_until(lambda: world.prometheus.query(up), 30, up)


@contextmanager
def _target_vanishes(world: World) -> Iterator[None]:
    """Scrape a second exporter until its absence would be noticed, and then no longer."""
    dsn = world.database.as_user(EXPORTER_ROLE).conninfo()
    with Exporter(world.workspace, {"postgres": {"dsn": dsn}}, "exporter-second") as second:
        addresses = [world.exporter.address, second.address]
        with world.prometheus.scraping_also({JOB: addresses}):
            wait_until(lambda: world.prometheus.query(_USUAL_TARGETS), 90, "two targets are usual")
    yield


DATABASE_REFUSES = Fault(
    "database refuses the exporter",
    frozenset({"MigrationDatabaseUnreachable"}),
    _database_refuses,
)
DATABASES_LEFT_OUT = Fault(
    "more databases than the limit", frozenset({"MigrationDatabasesLeftOut"}), _databases_left_out
)
CONNECTIONS_USED_UP = Fault(
    "exporter's role has no connection left",
    frozenset({"MigrationExporterConnectionLimit"}),
    _connections_used_up,
    frozenset({"MigrationExporterWatcherStale"}),
)
CONFIGURATION_BROKEN = Fault(
    "new configuration is invalid",
    frozenset({"MigrationExporterReloadRefused"}),
    _configuration_broken,
)
SCRAPES_LOST = Fault(
    "scrapes are lost now and then", frozenset({"MigrationExporterScrapesLost"}), _scrapes_lost
)
TARGET_VANISHES = Fault(
    "target leaves the discovery", frozenset({"MigrationExporterVanished"}), _target_vanishes
)
