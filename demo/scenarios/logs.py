"""Faults that the log pipeline detects, and faults of the pipeline. They need a Fluent Bit.

Each fault has its own pipeline and log, so that errors of earlier faults are not in it. Before the
fault, the pipeline works for longer than the rules look back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from psycopg import sql

from demo.scenarios.fault import Fault
from demo.scenarios.migration import LASTING
from demo.scenarios.release import apply, fail, write_release
from demo.scenarios.sessions import working
from demo.world import LOG_JOB, MIGRATOR, World
from testbed.errors import StackError
from testbed.fluent_bit import MISSING, FluentBit, fluent_bit_program
from testbed.ports import LOOPBACK
from testbed.sink import Sink
from testbed.waiting import wait_until

#: Longer than the windows of these alerts in demo/values.yaml, in seconds.
_LOOKED_BACK = 20
_WARN = "DO $$ BEGIN RAISE WARNING 'quest has no title'; END $$"
#: Several hundred entries per second.
_WARN_ON_AND_ON = b"""
DO $$ BEGIN
  PERFORM set_config('client_min_messages', 'error', true);
  LOOP RAISE WARNING 'quest has no title'; PERFORM pg_sleep(0.002); END LOOP;
END $$
"""
#: Room for about 1,000 entries.
_LITTLE_ROOM = "500K"
_READ = 'fluentbit_input_records_total{name="postgresql_log"}'
_numbers = count(1)


@contextmanager
def _setting(world: World, **settings: str) -> Iterator[None]:
    """Change settings of the primary while the body runs, without a restart."""
    for name, value in settings.items():
        change = sql.SQL("ALTER SYSTEM SET {} = {}")
        world.database.execute(change.format(sql.Identifier(name), sql.Literal(value)).as_string())
    world.database.execute("SELECT pg_reload_conf()")
    yield
    for name in settings:
        world.database.execute(f"ALTER SYSTEM RESET {name}")
    world.database.execute("SELECT pg_reload_conf()")


@contextmanager
def _pipeline(world: World, log_format: str = "", **logs: Any) -> Iterator[Sink]:
    """Deliver the primary's log to a sink from now on, and let Prometheus scrape the pipeline.

    `log_format` is the format during the body; by default, the primary's own.
    """
    program = fluent_bit_program()
    if program is None:
        raise StackError(MISSING)
    number = next(_numbers)
    folder = world.workspace.folder(f"log_{number}", for_servers=True)
    log_format = log_format or world.database.value("SHOW log_destination")
    settings = {"log_directory": str(folder), "log_destination": log_format}
    with _setting(world, **settings), Sink() as sink:
        output = {"host": LOOPBACK, "port": sink.port, "tls": False}
        values = {"directory": str(folder), "output": output, **logs}
        config = f"{log_format}.yaml"
        name = f"fluent_bit_{number}"
        fluent_bit = FluentBit(world.workspace, program, name, values, config)
        with fluent_bit, _scraped(world, fluent_bit.address):
            yield sink


@contextmanager
def _scraped(world: World, address: str) -> Iterator[None]:
    """Let Prometheus scrape a pipeline, and wait at the end until it no longer does."""
    up, worked = f'up{{job="{LOG_JOB}"}}', f"{_READ} offset {_LOOKED_BACK}s > 0"
    with world.prometheus.scraping_also({LOG_JOB: [address]}):
        wait_until(lambda: world.prometheus.query(worked), 60, "the log pipeline works for a while")
        yield
    wait_until(
        lambda: not world.prometheus.query(up), 30, "Prometheus no longer scrapes the log pipeline"
    )


def _await_end(world: World, alert: str) -> None:
    """Wait until the alert is resolved while the pipeline still runs."""
    wait_until(lambda: alert not in world.prometheus.firing(), 60, f"{alert} is resolved")


@contextmanager
def _error_logged(world: World) -> Iterator[None]:
    with _pipeline(world):
        write_release(world, "logged", "INSERT INTO gameplay.logged VALUES (1)")
        process = fail(world, "logged")
        yield
        process.wait(60)
        world.database.as_user(MIGRATOR).execute("CREATE TABLE gameplay.logged (id int)")
        apply(world)
        _await_end(world, "MigrationLogErrors")


@contextmanager
def _logs_elsewhere(world: World) -> Iterator[None]:
    """Move the server's log to another folder."""
    elsewhere = world.workspace.folder("log_elsewhere", for_servers=True)
    with _pipeline(world):
        before = world.database.value("SHOW log_directory")
        with _setting(world, log_directory=str(elsewhere)):
            yield
        with _setting(world, log_directory=before):
            _await_end(world, "MigrationLogPipelineSilent")


@contextmanager
def _prefix_changed(world: World) -> Iterator[None]:
    """Set a prefix of the text format without session and SQLSTATE."""
    with _pipeline(world, "stderr"):
        with _setting(world, log_line_prefix="%t "):
            yield
        _await_end(world, "MigrationLogUnreadable")


@contextmanager
def _store_gone(world: World) -> Iterator[None]:
    with _pipeline(world) as sink:
        sink.stop()
        world.database.execute(_WARN)
        yield
        sink.start()
        _await_end(world, "MigrationLogDeliveryFailing")


@contextmanager
def _no_room(world: World) -> Iterator[None]:
    """It does not answer for so long that what waits for it needs more room than there is."""
    with _pipeline(world, limits={"storage": _LITTLE_ROOM}) as sink:
        sink.stop()
        with working("import", _WARN_ON_AND_ON, world):
            yield
        sink.start()
        _await_end(world, "MigrationLogEntriesDropped")


ERROR_LOGGED = Fault(
    "migration's error is in the log",
    frozenset({"MigrationLogErrors"}),
    _error_logged,
    LASTING | {"DatabaseMigrationFailed"},
)
LOGS_ELSEWHERE = Fault(
    "log is moved elsewhere", frozenset({"MigrationLogPipelineSilent"}), _logs_elsewhere
)
PREFIX_CHANGED = Fault(
    "prefix of the log is changed", frozenset({"MigrationLogUnreadable"}), _prefix_changed
)
STORE_GONE = Fault(
    "store of the log does not answer", frozenset({"MigrationLogDeliveryFailing"}), _store_gone
)
NO_ROOM = Fault(
    "no room is left for the log",
    frozenset({"MigrationLogEntriesDropped"}),
    _no_room,
    frozenset({"MigrationLogDeliveryFailing", "PostgresTransactionLong"}),
)
