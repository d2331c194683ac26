"""Faults of the exporter itself: killed, restarted, or without its privileges."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from demo.scenarios.fault import Fault
from demo.scenarios.release import write_release
from demo.world import EXPORTER_ROLE, LOG_JOB, World
from testbed.ports import LOOPBACK, free_port
from testbed.waiting import wait_until

RESTARTS = 3
_TABLES = "public.databasechangelog, public.databasechangeloglock"


@contextmanager
def _exporter_gone(world: World) -> Iterator[None]:
    world.exporter.process.kill()
    yield
    world.exporter.start()


@contextmanager
def _exporter_restarts(world: World) -> Iterator[None]:
    """Restart the exporter several times, as if its memory were too small; scrape each start."""
    for _ in range(RESTARTS - 1):
        world.exporter.restart()
        started = world.exporter.page()["process_start_time_seconds"][0].value
        seen = f"process_start_time_seconds > {started - 0.01}"
        wait_until(partial(world.prometheus.query, seen), 30, "Prometheus has seen it start")
    world.exporter.stop()
    world.exporter.process.start(world.exporter.command())
    yield


@contextmanager
def _extension_gone(world: World) -> Iterator[None]:
    world.database.execute("DROP EXTENSION pg_stat_statements")
    yield
    world.database.execute("CREATE EXTENSION pg_stat_statements")


@contextmanager
def _grant_revoked(world: World) -> Iterator[None]:
    world.database.execute(f"REVOKE SELECT ON {_TABLES} FROM {EXPORTER_ROLE}")
    yield
    world.database.execute(f"GRANT SELECT ON {_TABLES} TO {EXPORTER_ROLE}")


@contextmanager
def _log_pipeline_gone(world: World) -> Iterator[None]:
    """Let Prometheus scrape a Fluent Bit that does not answer."""
    with world.prometheus.scraping_also({LOG_JOB: [f"{LOOPBACK}:{free_port()}"]}):
        yield


@contextmanager
def _state_locked(world: World) -> Iterator[None]:
    """Lock the exporter's state file during a run that it should store."""
    write_release(world, "unnoted", "SELECT 1")
    with closing(sqlite3.connect(world.exporter.folder / "state.sqlite")) as state:
        state.execute("BEGIN IMMEDIATE")
        run = world.liquibase.start("update", log=world.workspace.log("unnoted"))
        yield
        run.wait(60)
        state.rollback()


EXPORTER_GONE = Fault("exporter is killed", frozenset({"MigrationExporterDown"}), _exporter_gone)
EXPORTER_RESTARTS = Fault(
    "exporter restarts repeatedly",
    frozenset({"MigrationExporterRestarting"}),
    _exporter_restarts,
)
EXTENSION_GONE = Fault(
    "pg_stat_statements is dropped", frozenset({"MigrationExporterBlind"}), _extension_gone
)
GRANT_REVOKED = Fault(
    "grant on Liquibase's tables is revoked",
    frozenset({"MigrationStateUnknown"}),
    _grant_revoked,
    frozenset({"MigrationExporterBlind"}),
)
LOG_PIPELINE_GONE = Fault(
    "log pipeline does not answer", frozenset({"MigrationLogPipelineDown"}), _log_pipeline_gone
)
STATE_LOCKED = Fault(
    "state file is locked", frozenset({"MigrationExporterStateNotStored"}), _state_locked
)
