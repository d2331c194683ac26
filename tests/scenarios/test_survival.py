"""What the exporter remembers survives, and what it cannot know it does not invent.

Each test is named in docs/migration-states.md, "What survives".
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from testbed.database import Database
from testbed.postgres import Server
from testbed.process import clean_environment
from testbed.programs import program
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.clock import SteppedServer
from tests.fixtures.exporters import Page, StartExporter
from tests.fixtures.scenario import Scenario, playing, runs

FIRST = "1: create table first (id int)"
SECOND = "2: create table second (id int)"
THIRD = "3: create table third (id int);\n--rollback drop table third"
BROKEN = "broken: select 1 / 0"
SLOW = "slow: select pg_sleep(8)"
_SLEEPS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND state = 'active' AND query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()"
)
#: Long enough for a wrong count to appear: statistics arrive after at most 15 s.
_SETTLED = 17.0
_STATE = Path(__file__).parent / "state_of_0_1.json"
_numbers = count(1)


def start(scenario: Scenario, *changesets: str, **config: Any) -> None:
    """Apply these changesets, watched, and wait until the run is counted."""
    scenario.write("changelog.sql", *changesets)
    scenario.watch(**config)
    assert scenario.run() == 0
    scenario.until_counted(1)


def wait_for_sleep(scenario: Scenario) -> None:
    """Wait until a changeset sleeps."""
    wait_until(lambda: scenario.database.value(_SLEEPS), 60, "the changeset sleeps")


def stays(scenario: Scenario, expected: dict[str, int], seconds: float = _SETTLED) -> Page:
    """Scrape for a while: exactly these runs are counted; the last page."""
    end = time.monotonic() + seconds
    page = scenario.page()
    while time.monotonic() < end:
        assert runs(page) == expected
        time.sleep(0.5)
        page = scenario.page()
    return page


@pytest.fixture
def own(
    workspace: Workspace, tmp_path: Path, liquibase_version: str, start_exporter: StartExporter
) -> Iterator[tuple[Server, Scenario]]:
    """A server of the test's own, and a scenario in its database `app`."""
    with Server(workspace, f"own_{next(_numbers)}") as server:
        scenario = Scenario(
            server.create_database("app"), tmp_path, liquibase_version, start_exporter
        )
        with playing(scenario):
            yield server, scenario


# --- the exporter ---------------------------------------------------------------------------


@pytest.mark.every_liquibase
@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_restart_during_a_run(scenario: Scenario, *, killed: bool) -> None:
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, SECOND, SLOW)
    run = scenario.start()
    wait_for_sleep(scenario)
    scenario.until("running")
    with scenario.exporter_down(killed=killed):
        pass
    scenario.until(lambda page: page.status() in {"running", "succeeded"})
    assert run.wait(60) == 0
    scenario.until_counted(2)
    assert runs(stays(scenario, {"succeeded": 2}, 3)) == {"succeeded": 2}
    assert not {"failed", "stale_lock", "rolled_back"} & set(scenario.states)


def test_runs_while_the_exporter_was_down(scenario: Scenario) -> None:
    """A success, a tag, a rollback and a failure, each during a downtime of its own."""
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, THIRD)
    with scenario.exporter_down():
        assert scenario.run() == 0
    assert runs(scenario.until_counted(2)) == {"succeeded": 2}
    with scenario.exporter_down():
        assert scenario.run("tag", "--tag=release") == 0
    assert scenario.until_counted(3).status() == "succeeded"
    with scenario.exporter_down():
        assert scenario.run("rollback-count", "--count=1") == 0
    page = scenario.until_counted(4)
    assert page.status() == "rolled_back"
    assert runs(page) == {"succeeded": 3, "rolled_back": 1}
    scenario.write("changelog.sql", FIRST, BROKEN)
    with scenario.exporter_down():
        assert scenario.run() == 1
    page = scenario.until_counted(5)
    assert page.status() == "failed"
    assert runs(page) == {"succeeded": 3, "rolled_back": 1, "failed": 1}


@pytest.mark.every_liquibase
def test_a_failure_is_remembered_by_another_exporter(scenario: Scenario) -> None:
    """A new pod with the same volume takes over while the old one still runs."""
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert scenario.run() == 1
    scenario.until("failed")
    old = scenario.exporter
    assert old is not None
    new = scenario.watch(state_directory=str(old.folder))
    scenario.write("changelog.sql", FIRST, SECOND, BROKEN)
    assert scenario.run() == 1
    page = scenario.until_counted(3)
    old.stop()
    assert runs(page) == {"succeeded": 1, "failed": 2}
    with scenario.exporter_down():
        pass
    assert scenario.exporter is new
    page = stays(scenario, {"succeeded": 1, "failed": 2}, 3)
    assert page.status() == "failed"


@pytest.mark.every_liquibase
def test_upgrade_from_the_previous_release(scenario: Scenario) -> None:
    """The state file of 0.1 is read: its totals count on, and a run since then counts once."""
    scenario.write("changelog.sql", FIRST)
    assert scenario.run() == 0
    scenario.watch()
    scenario.until("succeeded")
    exporter = scenario.exporter
    assert exporter is not None
    with scenario.exporter_down():
        state = old_state(scenario.database)
        with closing(sqlite3.connect(exporter.folder / "state.sqlite")) as store, store:
            store.execute("UPDATE memory SET state = ? WHERE collector = 'liquibase'", [state])
        scenario.write("changelog.sql", FIRST, SECOND)
        assert scenario.run() == 0
    page = scenario.until_counted(6)
    assert runs(page) == {"succeeded": 4, "failed": 1, "rolled_back": 1}
    assert page.status() == "succeeded"
    assert "ignored" not in exporter.process.output()


def old_state(database: Database) -> str:
    """The state that 0.1 stored, about the tables and counters of this database."""
    state = json.loads(_STATE.read_text())
    memory = state["changelogs"]["public.databasechangelog"]
    memory["oid"] = database.value("SELECT 'databasechangelog'::regclass::oid::int8")
    [row] = database.execute("SELECT xmin::text FROM databasechangeloglock")
    memory["lock_version"] = row[0]
    [found] = database.execute(
        "SELECT h.n_tup_ins, h.n_tup_upd, h.n_tup_del, l.n_tup_upd"
        " FROM pg_stat_user_tables h, pg_stat_user_tables l"
        " WHERE h.relname = 'databasechangelog' AND l.relname = 'databasechangeloglock'"
    )
    memory["counters"] = dict(zip(("inserted", "updated", "deleted", "locks"), found, strict=True))
    return json.dumps(state)


@pytest.mark.every_liquibase
def test_no_state_directory(scenario: Scenario) -> None:
    """A restart forgets the totals and an inferred failure, and invents nothing."""
    start(scenario, FIRST, state_directory=None)
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert scenario.run() == 1
    scenario.until("failed")
    scenario.restart_exporter()
    page = stays(scenario, {})
    assert page.status() == "pending"
    assert scenario.states[-1] == "pending"


# --- clocks ---------------------------------------------------------------------------------


def shifted(seconds: int) -> dict[str, str]:
    """Variables of a process whose clock is shifted; its monotonic clock goes on."""
    return {
        "LD_PRELOAD": str(program("libfaketime")),
        "FAKETIME": f"{seconds:+}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@pytest.mark.every_liquibase
@pytest.mark.parametrize("seconds", [-120, 600])
def test_a_client_with_a_wrong_clock(scenario: Scenario, seconds: int) -> None:
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert scenario.run(environment=shifted(seconds)) == 1
    scenario.until("failed")
    scenario.write("changelog.sql", FIRST, SECOND)
    assert scenario.run() == 0
    page = scenario.until_counted(3)
    assert runs(page) == {"succeeded": 2, "failed": 1}
    assert page.status() == "succeeded"


@pytest.mark.every_liquibase
@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_an_exporter_whose_clock_jumps(scenario: Scenario, tmp_path: Path, seconds: int) -> None:
    offset = tmp_path / "offset"
    offset.write_text("+0\n")
    variables = shifted(0) | {"FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1"}
    del variables["FAKETIME"]
    start(scenario, FIRST, variables=variables)
    scenario.write("changelog.sql", FIRST, SECOND, SLOW)
    run = scenario.start()
    wait_for_sleep(scenario)
    offset.write_text(f"{seconds:+}\n")
    assert run.wait(60) == 0
    scenario.write("changelog.sql", FIRST, SECOND, SLOW, BROKEN)
    assert scenario.run() == 1
    page = scenario.until_counted(3)
    assert runs(page) == {"succeeded": 2, "failed": 1}
    assert scenario.until("failed")
    assert "stale_lock" not in scenario.states


@pytest.mark.every_liquibase
@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_server_whose_clock_jumps(
    workspace: Workspace,
    start_exporter: StartExporter,
    tmp_path: Path,
    liquibase_version: str,
    seconds: int,
) -> None:
    with SteppedServer(workspace, f"stepped_{next(_numbers)}") as server:
        played = Scenario(
            server.create_database("app"), tmp_path, liquibase_version, start_exporter
        )
        with playing(played) as scenario:
            start(scenario, FIRST)
            scenario.write("changelog.sql", FIRST, SECOND, SLOW)
            run = scenario.start()
            wait_for_sleep(scenario)
            server.step(seconds)
            assert run.wait(60) == 0
            scenario.write("changelog.sql", FIRST, SECOND, SLOW, BROKEN)
            assert scenario.run() == 1
            page = scenario.until_counted(3)
            assert runs(page) == {"succeeded": 2, "failed": 1}
            assert scenario.until("failed")
            assert "stale_lock" not in scenario.states


# --- the data goes back in time -------------------------------------------------------------


@pytest.mark.every_liquibase
@pytest.mark.parametrize("watching", [True, False], ids=["watched", "while down"])
def test_a_backup_restored(own: tuple[Server, Scenario], *, watching: bool) -> None:
    """The data directory of before the failed run is put back: as if nothing had run since."""
    server, scenario = own
    start(scenario, FIRST)
    backup = server.folder / "backup"
    server.stop()
    subprocess.run(["cp", "-a", server.data, backup], check=True)
    server.start()
    scenario.write("changelog.sql", FIRST, SECOND, BROKEN)
    assert scenario.run() == 1
    scenario.until("failed")

    def restore() -> None:
        server.stop()
        shutil.rmtree(server.data)
        backup.rename(server.data)
        server.start()

    if watching:
        restore()
    else:
        with scenario.exporter_down():
            restore()
    scenario.until(has_applied(1))
    page = stays(scenario, {"succeeded": 1, "failed": 1})
    assert page.status() == "pending"
    scenario.write("changelog.sql", FIRST, SECOND)
    assert scenario.run() == 0
    page = scenario.until_counted(3)
    assert page.status() == "succeeded"
    assert runs(page) == {"succeeded": 2, "failed": 1}
    assert "rolled_back" not in scenario.states


@pytest.mark.every_liquibase
@pytest.mark.parametrize("watching", [True, False], ids=["watched", "while down"])
def test_a_history_truncated_and_reloaded(scenario: Scenario, *, watching: bool) -> None:
    start(scenario, FIRST, SECOND)
    database = scenario.database
    database.execute("CREATE TABLE kept AS SELECT * FROM databasechangelog")
    if watching:
        database.execute("TRUNCATE databasechangelog")
        scenario.until("pending", timeout=15)
        stays(scenario, {"succeeded": 1}, 6)
        database.execute("INSERT INTO databasechangelog SELECT * FROM kept")
    else:
        with scenario.exporter_down():
            database.execute("TRUNCATE databasechangelog")
            database.execute("INSERT INTO databasechangelog SELECT * FROM kept")
    scenario.until("succeeded")
    stays(scenario, {"succeeded": 1})
    assert "rolled_back" not in scenario.states


@pytest.mark.every_liquibase
@pytest.mark.parametrize("watching", [True, False], ids=["watched", "while down"])
def test_a_dump_restored_in_place(own: tuple[Server, Scenario], *, watching: bool) -> None:
    server, scenario = own
    start(scenario, FIRST, SECOND)
    dump = run_program(server, "pg_dump", "--clean", "--dbname=app")
    scenario.write("changelog.sql", FIRST, SECOND, BROKEN)
    assert scenario.run() == 1
    scenario.until("failed")
    if watching:
        run_program(server, "psql", "--quiet", "--dbname=app", stdin=dump)
    else:
        with scenario.exporter_down():
            run_program(server, "psql", "--quiet", "--dbname=app", stdin=dump)
    scenario.until("pending")
    stays(scenario, {"succeeded": 1, "failed": 1})
    assert "rolled_back" not in scenario.states


# --- another server -------------------------------------------------------------------------


def run_program(server: Server, name: str, *arguments: str, stdin: str = "") -> str:
    """Run a client program of PostgreSQL as the superuser; its output."""
    where = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres"]
    done = subprocess.run(
        [server.bindir / name, *where, *arguments],
        env=clean_environment() | {"PGPASSWORD": server.workspace.password},
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@contextmanager
def another_server_at(server: Server, dump: str) -> Iterator[Server]:
    """Another server takes the place of this one, with its dump."""
    new = Server(server.workspace, f"own_{next(_numbers)}")
    new.port = server.port
    new.configure({})
    server.stop()
    with new:
        new.create_database("app")
        run_program(new, "psql", "--quiet", "--dbname=app", stdin=dump)
        yield new


@pytest.mark.every_liquibase
@pytest.mark.parametrize("watching", [True, False], ids=["watched", "while down"])
def test_a_dump_restored_as_a_new_server(own: tuple[Server, Scenario], *, watching: bool) -> None:
    server, scenario = own
    start(scenario, FIRST, SECOND)
    dump = run_program(server, "pg_dump", "--dbname=app")
    if watching:
        moved = another_server_at(server, dump)
        moved.__enter__()
    else:
        with scenario.exporter_down():
            moved = another_server_at(server, dump)
            moved.__enter__()
    try:
        scenario.until("succeeded")
        stays(scenario, {"succeeded": 1})
        scenario.write("changelog.sql", FIRST, SECOND, BROKEN)
        assert scenario.run() == 1
        page = scenario.until_counted(2)
        assert page.status() == "failed"
        assert runs(page) == {"succeeded": 1, "failed": 1}
    finally:
        moved.__exit__(None, None, None)


@pytest.mark.every_liquibase
def test_a_logical_replica(own: tuple[Server, Scenario], workspace: Workspace) -> None:
    """The replica shows the lock of a run whose session it does not have: never stale."""
    server, scenario = own
    source = scenario.database
    scenario.write("changelog.sql", FIRST)
    assert scenario.run() == 0
    schema = run_program(server, "pg_dump", "--schema-only", "--dbname=app")
    source.execute("CREATE PUBLICATION everything FOR ALL TABLES")
    with Server(workspace, f"own_{next(_numbers)}") as replica:
        database = replica.create_database("app")
        run_program(replica, "psql", "--quiet", "--dbname=app", stdin=schema)
        database.execute(
            f"CREATE SUBSCRIPTION replica CONNECTION '{source.conninfo()}' PUBLICATION everything"
        )
        scenario.database = database
        scenario.watch()
        scenario.until("succeeded")
        stays(scenario, {}, 5)
        scenario.write("changelog.sql", FIRST, SLOW, BROKEN)
        run = scenario.start(database=source)
        scenario.until("running")
        assert run.wait(60) == 1
        page = scenario.until_counted(1)
        assert not {"succeeded", "rolled_back"} & set(runs(page))
        assert page.status() in {"failed", "pending", "unknown"}
        assert "stale_lock" not in scenario.states
        database.execute("DROP SUBSCRIPTION replica")


@pytest.mark.every_liquibase
@pytest.mark.parametrize("track", ["on", "off"])
def test_failover_during_a_run(
    workspace: Workspace,
    start_exporter: StartExporter,
    tmp_path: Path,
    liquibase_version: str,
    track: str,
) -> None:
    """The primary dies; the standby shows a lock whose run is gone, and keeps what was counted."""
    number = next(_numbers)
    settings = {"track_commit_timestamp": track}
    with (
        Server(workspace, f"first_{number}", settings) as primary,
        primary.standby(f"second_{number}", settings) as standby,
    ):
        database = primary.create_database("app")
        played = Scenario(database, tmp_path, liquibase_version, start_exporter)
        dsn = (
            f"host=127.0.0.1,127.0.0.1 port={primary.port},{standby.port} dbname=app"
            f" user={database.user} password={database.password} target_session_attrs=primary"
        )
        with playing(played) as scenario:
            start(scenario, FIRST, postgres={"dsn": dsn})
            scenario.write("changelog.sql", FIRST, SECOND, "slow: select pg_sleep(60)")
            scenario.start()
            wait_for_sleep(scenario)
            scenario.until("running")
            primary.wait_for_replay(standby)
            primary.kill()
            standby.promote()
            scenario.until("stale_lock", timeout=30)
            assert runs(scenario.page()) == {"succeeded": 1}
            scenario.database = standby.database("app")
            assert scenario.run("release-locks") == 0
            page = scenario.until(lambda page: page.status() in {"pending", "failed"})
            assert runs(page)["succeeded"] == 1
            before = sum(runs(page).values())
            scenario.write("changelog.sql", FIRST, SECOND)
            assert scenario.run() == 0
            page = scenario.until("succeeded")
            assert set(scenario.states) <= {
                "succeeded", "pending", "running", "stale_lock", "failed", "not_initialised",
            }  # fmt: skip
            assert before <= 2


@pytest.mark.every_liquibase
@pytest.mark.parametrize("watching", [True, False], ids=["watched", "while down"])
def test_a_database_created_again(own: tuple[Server, Scenario], *, watching: bool) -> None:
    """Under the same name: its first run counts, and the totals count on."""
    server, scenario = own
    start(scenario, FIRST, SECOND)

    def create_again() -> None:
        server.drop_database("app")
        server.create_database("app")

    if watching:
        create_again()
        scenario.until("not_initialised")
        assert scenario.run() == 0
    else:
        with scenario.exporter_down():
            create_again()
            assert scenario.run() == 0
    page = scenario.until_counted(2)
    assert page.status() == "succeeded"
    assert runs(stays(scenario, {"succeeded": 2})) == {"succeeded": 2}
    assert "rolled_back" not in scenario.states


# --- the statistics and the table -----------------------------------------------------------


@pytest.mark.every_liquibase
@pytest.mark.parametrize("watching", [True, False], ids=["watched", "while down"])
def test_statistics_reset(scenario: Scenario, *, watching: bool) -> None:
    start(scenario, FIRST, SECOND)
    reset = "SELECT pg_stat_reset(), pg_stat_statements_reset()"
    scenario.write("changelog.sql", FIRST, SECOND, BROKEN)
    if watching:
        scenario.database.execute(reset)
        stays(scenario, {"succeeded": 1}, 3)
        assert scenario.run() == 1
    else:
        with scenario.exporter_down():
            scenario.database.execute(reset)
            assert scenario.run() == 1
    page = scenario.until_counted(2)
    assert not {"rolled_back"} & set(runs(page))
    assert runs(page)["succeeded"] == 1
    assert page.status() in {"failed", "unknown", "pending"}


@pytest.mark.every_liquibase
@pytest.mark.parametrize("command", ["VACUUM FULL", "CLUSTER"])
def test_the_history_is_rewritten(scenario: Scenario, command: str) -> None:
    start(scenario, FIRST, SECOND)
    database = scenario.database
    if command == "CLUSTER":
        database.execute("CREATE INDEX by_order ON databasechangelog (orderexecuted)")
        database.execute("CLUSTER databasechangelog USING by_order")
    else:
        database.execute("VACUUM FULL databasechangelog")
    database.execute("VACUUM (FULL, FREEZE) databasechangeloglock")
    stays(scenario, {"succeeded": 1})
    with scenario.exporter_down():
        database.execute("VACUUM (FULL, FREEZE) databasechangelog")
    stays(scenario, {"succeeded": 1}, 5)
    scenario.write("changelog.sql", FIRST, SECOND, THIRD)
    assert scenario.run() == 0
    assert runs(scenario.until_counted(2)) == {"succeeded": 2}


# --- runs that are hard to see --------------------------------------------------------------


@pytest.mark.every_liquibase
def test_several_pods_without_an_application_name(scenario: Scenario) -> None:
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, SECOND, "slow: select pg_sleep(2)")
    pods = [scenario.start(application_name=None) for _ in range(3)]
    assert [pod.wait(90) for pod in pods] == [0, 0, 0]
    page = scenario.until_counted(2)
    assert runs(page)["succeeded"] >= 2
    assert "failed" not in runs(stays(scenario, runs(page), 12))


def has_applied(changesets: int) -> Callable[[Page], bool]:
    return lambda page: page.values("liquibase_changesets_applied") == [changesets]


def run_in(session: psycopg.Connection[Any], number: int) -> None:
    """What Liquibase executes for one changeset, in a session that stays connected."""
    for statement in (
        "UPDATE databasechangeloglock SET locked = TRUE, lockedby = 'pool',"
        " lockgranted = now() WHERE id = 1 AND locked = FALSE",
        f"CREATE TABLE pooled_{number} (id int);"
        " INSERT INTO databasechangelog (id, author, filename, dateexecuted, orderexecuted,"
        " md5sum, exectype, deployment_id)"
        f" SELECT '{number}', 'pool', 'pool.sql', now(), max(orderexecuted) + 1,"
        " '9:' || md5('x'), 'EXECUTED', '1234567890' FROM databasechangelog",
        "UPDATE databasechangeloglock SET locked = FALSE, lockedby = NULL,"
        " lockgranted = NULL WHERE id = 1",
    ):
        with session.transaction():
            session.execute(statement.encode())


@pytest.mark.every_liquibase
def test_short_runs_of_a_session_that_stays(scenario: Scenario) -> None:
    """A pool's statistics arrive 10 s late: each run is noticed within 2 s, and counted once."""
    scenario.write("changelog.sql", FIRST)
    assert scenario.run() == 0
    scenario.watch(None)
    scenario.until("succeeded")
    with scenario.database.connect() as session:
        for number in (1, 2):
            run_in(session, number)
            scenario.until(has_applied(number + 1), timeout=3)
            page = scenario.until_counted(number, timeout=6)
            assert runs(page) == {"succeeded": number}
            time.sleep(3)
        stays(scenario, {"succeeded": 2})
