"""Real Liquibase through the wrapper: what the report says, against what the database says."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pg_migration_exporter.liquibase.reports.report import Failure, Outcome, Report, Result
from testbed.database import Database
from testbed.liquibase import Liquibase
from testbed.process import descendants
from testbed.programs import liquibase_home
from tests.fixtures.migrations import MASTER
from tests.fixtures.wrapper import Wrapper

MakeLiquibase = Callable[..., Liquibase]


def launcher(*arguments: str) -> list[str | Path]:
    return [liquibase_home() / "liquibase", *arguments]


def results(report: Report, path: str) -> dict[str, Result]:
    """Results by id, of changesets in the file `path`."""
    parts = [(changeset.identity.split("::"), changeset.result) for changeset in report.changesets]
    return {identity[1]: result for identity, result in parts if identity[0] == path}


def history(database: Database) -> list[str]:
    rows = "SELECT filename || '::' || id || '::' || author FROM databasechangelog"
    return [identity for (identity,) in database.execute(f"{rows} ORDER BY orderexecuted")]


def test_a_good_migration(
    database: Database, liquibase: MakeLiquibase, wrapper: Wrapper, tmp_path: Path
) -> None:
    before = time.time()
    done = wrapper.run(
        *launcher("update"), environment=liquibase().environment(), cwd=liquibase().search_path
    )
    assert done.returncode == 0, done.stderr
    assert b"UPDATE SUMMARY" in done.stdout
    assert b"pg-migration-exporter:" not in done.stderr

    report = wrapper.report()
    assert [changeset.identity for changeset in report.changesets] == history(database)
    assert {changeset.result for changeset in report.changesets} == {Result.RAN}
    assert all(changeset.duration is not None for changeset in report.changesets)
    assert (report.outcome, report.exit_code, report.failure) == (Outcome.SUCCEEDED, 0, None)
    assert report.command == "update"
    assert report.host == socket.gethostname()
    assert report.limitation == ""
    assert report.target.servers == (f"127.0.0.1:{database.port}",)
    assert report.target.database == database.name
    assert report.target.changelog == "public.databasechangelog"
    assert report.target.changelog_file == MASTER
    assert report.summary is not None
    assert report.summary.run == len(report.changesets)
    assert report.ended is not None
    assert before <= report.started < report.ended <= time.time()
    deployments = database.execute("SELECT DISTINCT deployment_id FROM databasechangelog")
    assert deployments == [(report.deployment_id,)]
    [version] = database.execute("SELECT DISTINCT liquibase FROM databasechangelog")
    assert version == (report.liquibase_version,)


def test_an_error_in_sql(liquibase: MakeLiquibase, database: Database, wrapper: Wrapper) -> None:
    database.execute("CREATE SCHEMA gameplay")
    done = wrapper.migrate(liquibase("t/fail_sql.sql"), "update")
    assert done.returncode == 1
    assert b"Migration failed for changeset t/fail_sql.sql::bad::alice" in done.stderr

    report = wrapper.report()
    assert report.outcome is Outcome.FAILED
    assert results(report, "t/fail_sql.sql") == {"ok1": Result.RAN, "bad": Result.FAILED}
    assert report.failure is not None
    assert report.failure.changeset == "t/fail_sql.sql::bad::alice"
    assert report.failure.reason == 'ERROR: relation "gameplay.nope" does not exist'


def test_a_violated_check_tells_no_values(
    liquibase: MakeLiquibase, database: Database, wrapper: Wrapper
) -> None:
    database.execute("CREATE SCHEMA gameplay")
    database.execute(
        "CREATE TABLE gameplay.quest_definitions (title text, status text, level_min int, "
        "level_max int, CONSTRAINT levels CHECK (level_min <= level_max))"
    )
    assert wrapper.migrate(liquibase("t/fail_check.sql"), "update").returncode == 1
    report = wrapper.report()
    assert report.failure is not None
    assert report.failure.changeset == "t/fail_check.sql::check-viol::alice"
    assert report.failure.reason == (
        'ERROR: new row for relation "quest_definitions" violates check constraint "levels"'
    )
    assert "active" not in report.model_dump_json()


def test_a_halt(liquibase: MakeLiquibase, wrapper: Wrapper) -> None:
    assert wrapper.migrate(liquibase("t/halt.xml"), "update").returncode == 1
    report = wrapper.report()
    assert results(report, "t/halt.xml") == {"h1": Result.RAN, "pc-halt": Result.FAILED}
    assert report.failure is not None
    assert report.failure.reason == "t/halt.xml : Table public.nope does not exist"


def test_every_result(liquibase: MakeLiquibase, database: Database, wrapper: Wrapper) -> None:
    arguments = ["update", "-Dv=1", "--contexts=prod", "--labels=y"]
    done = wrapper.migrate(liquibase("t/exec.xml"), *arguments)
    assert done.returncode == 0, done.stderr
    report = wrapper.report()
    found = results(report, "t/exec.xml")
    assert found["failOnErrorFalse"] is Result.FAILURE_IGNORED
    assert found["pc-markran"] is found["pc-onerror-markran"] is Result.MARKED_RAN
    assert found["pc-continue"] is found["pc-onerror-continue"] is Result.SKIPPED
    assert found["pc-warn"] is found["last"] is Result.RAN
    recorded = dict(database.execute("SELECT id, exectype FROM databasechangelog"))
    assert recorded == {
        name: "EXECUTED" if result is Result.RAN else "MARK_RAN"
        for name, result in found.items()
        if result in (Result.RAN, Result.MARKED_RAN)
    }
    assert report.summary is not None
    assert report.summary.filtered["Context mismatch"] == 1
    assert report.summary.total == 18


def test_a_rollback(liquibase: MakeLiquibase, wrapper: Wrapper) -> None:
    assert liquibase("t/norb.sql").run("changelog-sync").returncode == 0
    done = wrapper.migrate(liquibase("t/norb.sql"), "rollback-count", "1")
    assert done.returncode == 1
    report = wrapper.report()
    assert report.command == "rollback-count"
    assert results(report, "t/norb.sql") == {"badrb": Result.FAILED}
    assert report.failure is not None
    assert report.failure.changeset == "t/norb.sql::badrb::alice"


def test_a_command_that_only_looks_is_no_migration(
    liquibase: MakeLiquibase, wrapper: Wrapper
) -> None:
    assert wrapper.migrate(liquibase(), "validate").returncode == 0
    report = wrapper.report()
    assert (report.command, report.is_migration, report.changesets) == ("validate", False, ())


def test_an_unreachable_database_tells_no_password(
    liquibase: MakeLiquibase, database: Database, wrapper: Wrapper
) -> None:
    nowhere = liquibase()
    secret = "s3cret%20word"
    url = f"jdbc:postgresql://127.0.0.1:1/quests?password={secret}"
    done = wrapper.migrate(nowhere, "update", LIQUIBASE_COMMAND_URL=url)
    assert done.returncode == 1
    text = wrapper.report().model_dump_json()
    assert "127.0.0.1:1 refused" in text
    assert secret not in text
    assert database.password not in text


@pytest.mark.parametrize("start", [launcher, None], ids=["launcher", "java"])
def test_a_terminated_migration_leaves_no_java(
    liquibase: MakeLiquibase,
    database: Database,
    wrapper: Wrapper,
    start: Callable[..., Sequence[str | Path]] | None,
) -> None:
    slow = liquibase("t/slow80.sql")
    command = start("update") if start else slow.command("update")
    process = wrapper.start(*command, **slow.environment())
    at_work = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(80)%' AND state = "
    process.wait_until(lambda: database.value(f"{at_work}'active'") > 1, 60, "runs its changeset")
    family = descendants(process.pid)
    assert (wrapper.report().outcome, wrapper.report().ended) == (Outcome.RUNNING, None)
    assert any(b"java" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in family)

    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(30) == 143
    assert [pid for pid in family if Path(f"/proc/{pid}").exists()] == []
    report = wrapper.report()
    assert (report.outcome, report.exit_code) == (Outcome.KILLED, 143)
    assert results(report, "t/slow80.sql") == {"slow80": Result.INTERRUPTED}
    assert report.failure == Failure(
        changeset="t/slow80.sql::slow80::alice", reason="it was ended by SIGTERM"
    )
    assert database.value("SELECT locked FROM databasechangeloglock")


@pytest.mark.parametrize("where", ["environment", "option", "properties"])
def test_a_log_file_of_the_user_stays_as_it_is(
    liquibase: MakeLiquibase, wrapper: Wrapper, tmp_path: Path, where: str
) -> None:
    log = tmp_path / "user.log"
    log.write_text("[2026-01-06 20:15:00] INFO [liquibase.ui] Running Changeset: old::old::old\n")
    properties = tmp_path / "own.properties"
    properties.write_text(f"liquibase.log-file: {log}\nlogLevel: info\n")
    options: dict[str, tuple[list[str], dict[str, str]]] = {
        "environment": ([], {"LIQUIBASE_LOG_FILE": str(log), "LIQUIBASE_LOG_LEVEL": "info"}),
        "option": ([f"--log-file={log}", "--log-level=info"], {}),
        "properties": ([f"--defaults-file={properties}"], {}),
    }
    arguments, environment = options[where]
    done = wrapper.migrate(liquibase("t/case.sql"), *arguments, "update", **environment)
    assert done.returncode == 0, done.stderr
    report = wrapper.report()
    assert list(results(report, "t/case.sql").values()) == [Result.RAN]
    assert len(report.changesets) == 1
    assert f"Logs saved to {log}".encode() in done.stderr
    assert "ran successfully" in log.read_text()


def test_a_log_on_standard_error_stays_there(liquibase: MakeLiquibase, wrapper: Wrapper) -> None:
    done = wrapper.migrate(liquibase("t/case.sql"), "--log-level=info", "update")
    assert b"ran successfully" in done.stderr
    report = wrapper.report()
    assert (report.outcome, report.changesets) == (Outcome.SUCCEEDED, ())
    assert report.limitation.startswith("no details: a log level is set and no log file")


def test_a_jvm_in_another_language(
    liquibase: MakeLiquibase, database: Database, wrapper: Wrapper
) -> None:
    database.execute("CREATE SCHEMA gameplay")
    failing = liquibase("t/fail_sql.sql")
    java, *rest = failing.command("update")
    done = wrapper.run(
        java,
        "-Duser.language=de",
        *rest,
        environment=failing.environment(),
        cwd=failing.search_path,
    )
    assert done.returncode == 1
    assert results(wrapper.report(), "t/fail_sql.sql") == {"ok1": Result.RAN, "bad": Result.FAILED}


def test_the_history_is_named_as_the_exporter_names_it(
    liquibase: MakeLiquibase, database: Database, wrapper: Wrapper
) -> None:
    database.execute('CREATE SCHEMA "Deploy Ment"')
    names = {
        "LIQUIBASE_LIQUIBASE_SCHEMA_NAME": "Deploy Ment",
        "LIQUIBASE_DATABASE_CHANGELOG_TABLE_NAME": "QuestHistory",
    }
    assert wrapper.migrate(liquibase("t/case.sql"), "update", **names).returncode == 0
    name = database.value(
        "SELECT n.nspname || '.' || c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = "
        "a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attname = 'exectype'"
    )
    assert wrapper.report().target.changelog == name
    assert wrapper.report().is_about(database.name, name)


def test_a_script_that_runs_liquibase_twice(
    liquibase: MakeLiquibase, database: Database, wrapper: Wrapper, tmp_path: Path
) -> None:
    database.execute("CREATE SCHEMA gameplay")
    failing = liquibase("t/fail_sql.sql")
    command = " ".join(map(str, failing.command("update")))
    script = tmp_path / "deploy.sh"
    script.write_text(
        f"cd {failing.search_path}\n"
        f"LIQUIBASE_COMMAND_CHANGELOG_FILE=t/case.sql {command} || exit 9\n{command}\n"
    )
    done = wrapper.run("sh", script, environment=failing.environment())
    assert done.returncode == 1
    report = wrapper.report()
    assert report.command == ""
    assert report.is_migration
    assert list(results(report, "t/case.sql").values()) == [Result.RAN]
    assert results(report, "t/fail_sql.sql") == {"ok1": Result.RAN, "bad": Result.FAILED}
