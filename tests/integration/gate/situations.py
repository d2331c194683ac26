"""What makes the checks of the gate fail: each is undone when its context ends."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psycopg

from testbed.waiting import wait_until
from tests.integration.gate.conftest import Gate

#: Ends a segment of the WAL, so that it is archived.
_SWITCH = "SELECT pg_switch_wal() FROM (SELECT pg_logical_emit_message(false, '', '')) AS message"


@contextmanager
def in_transaction(gate: Gate) -> Iterator[None]:
    with session(gate) as connection, connection.transaction():
        connection.execute("SELECT")
        yield


@contextmanager
def without_tls(gate: Gate) -> Iterator[None]:
    with session(gate, sslmode="disable"):
        yield


def session(gate: Gate, **options: str) -> psycopg.Connection[Any]:
    """A session of the application, with TLS."""
    return gate.database.as_user("quest_app").connect(**{"sslmode": "require"} | options)


@contextmanager
def between(gate: Gate, do: str, undo: str) -> Iterator[None]:
    """What a statement does, until another one undoes it."""
    try:
        gate.database.execute(do)
        yield
    finally:
        gate.database.execute(undo)


@contextmanager
def prepared_transaction(gate: Gate) -> Iterator[None]:
    prepare = "BEGIN; CREATE TABLE left_behind (); PREPARE TRANSACTION 'gid'"
    with between(gate, prepare, "ROLLBACK PREPARED 'gid'"):
        yield


@contextmanager
def careless_roles(gate: Gate) -> Iterator[None]:
    rights = "CREATE ON SCHEMA gameplay {0} quest_app; {1} CREATE ON DATABASE game {0} quest_app"
    with (
        between(
            gate,
            "ALTER ROLE deployer SET log_statement = 'none'",
            "ALTER ROLE deployer RESET log_statement",
        ),
        between(
            gate,
            "GRANT " + rights.format("TO", "GRANT"),
            "REVOKE " + rights.format("FROM", "REVOKE"),
        ),
    ):
        yield


@contextmanager
def old_tls(gate: Gate) -> Iterator[None]:
    try:
        _set_tls(gate, "TLSv1.2")
        yield
    finally:
        _set_tls(gate, "TLSv1.3")


def _set_tls(gate: Gate, version: str) -> None:
    gate.database.execute(f"ALTER SYSTEM SET ssl_min_protocol_version = '{version}'")
    gate.database.execute("SELECT pg_reload_conf()")
    shown = "SHOW ssl_min_protocol_version"
    wait_until(lambda: gate.database.value(shown) == version, 30, f"{version} everywhere")


@contextmanager
def failing_archive(gate: Gate) -> Iterator[None]:
    failing = "SELECT coalesce(last_failed_time > last_archived_time, true) FROM pg_stat_archiver"

    def is_failing() -> bool:
        gate.database.execute(_SWITCH)  # wakes the archiver
        return bool(gate.database.value(failing))

    works = gate.server.folder / "archive_works"
    fails = works.with_name("archive_fails")
    try:
        works.rename(fails)
        wait_until(is_failing, 60, "a failure of archive_command")
        yield
    finally:
        fails.rename(works)
        wait_until(lambda: not is_failing(), 90, "the archive to catch up")


@contextmanager
def building_index(gate: Gate) -> Iterator[None]:
    """An index build that goes on while the advisory lock 8 is held."""
    gate.database.execute("""
        CREATE TABLE IF NOT EXISTS gameplay.built AS SELECT 1 AS id;
        CREATE OR REPLACE FUNCTION gameplay.gated(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
        BEGIN
          WHILE NOT pg_try_advisory_lock_shared(8) LOOP PERFORM pg_sleep(0.02); END LOOP;
          PERFORM pg_advisory_unlock_shared(8);
          RETURN $1;
        END $$""")
    building = "SELECT count(*) FROM pg_stat_progress_create_index"
    with ThreadPoolExecutor(1) as builders:
        with gate.database.connect() as holder:
            holder.execute("SELECT pg_advisory_lock(8)")
            build = "CREATE INDEX ON gameplay.built (gameplay.gated(id))"
            built = builders.submit(gate.database.execute, build)
            wait_until(lambda: gate.database.value(building), 30, "an index build")
            yield
        built.result()
    gate.database.execute("DROP TABLE gameplay.built")


@contextmanager
def invalid_index(gate: Gate) -> Iterator[None]:
    twice = "CREATE TABLE IF NOT EXISTS gameplay.twice AS SELECT 1 AS id FROM generate_series(1, 2)"
    with between(gate, twice, "DROP TABLE gameplay.twice"):
        with suppress(psycopg.errors.UniqueViolation):
            gate.database.execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON gameplay.twice (id)")
        yield


@contextmanager
def lost_slot(gate: Gate) -> Iterator[None]:
    """A slot that needs more WAL than it may keep."""
    slot = "SELECT pg_create_physical_replication_slot('lagging', true)"
    with between(gate, slot, "SELECT pg_drop_replication_slot('lagging')"):
        for _ in range(4):
            gate.database.execute(_SWITCH)
        gate.database.execute("CHECKPOINT")
        yield


@contextmanager
def stale_lock(gate: Gate) -> Iterator[None]:
    lock = "UPDATE databasechangeloglock SET locked = {}, lockgranted = {}, lockedby = {}"
    dead = lock.format("true", "now()", "'a dead pipeline'")
    with between(gate, dead, lock.format("false", "null", "null")):
        yield


@contextmanager
def everything_wrong(gate: Gate) -> Iterator[None]:
    """All of them; what must not wait for a transaction comes first."""
    with ExitStack() as stack:
        for situation in (
            invalid_index,
            careless_roles,
            old_tls,
            failing_archive,
            building_index,
            stale_lock,
            prepared_transaction,
            without_tls,
            in_transaction,
        ):
            stack.enter_context(situation(gate))
        yield
