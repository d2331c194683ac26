"""The gate on a real server: every built-in check passes, fails and has no answer; the command.

`latency_is_low` fails by a reason of the verdict alone, which has tests of its own.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from pg_migration_exporter.cli import main
from pg_migration_exporter.config.checks import Phase
from pg_migration_exporter.gate.checks import CHECKS
from pg_migration_exporter.gate.expect.model import read_expectation
from testbed.database import Database
from testbed.process import Process
from testbed.programs import ROOT, program
from testbed.waiting import wait_until
from tests.fixtures.exporters import StartExporter
from tests.fixtures.gate import show
from tests.fixtures.servers import ColdStandby
from tests.integration.gate import situations
from tests.integration.gate.conftest import CHANGELOG, PROFILE, Gate

_JUNIT = Path(__file__).resolve().parents[2] / "fixtures/junit"
_TINY = "1ms"
_LIMITS = ("transaction_age", "idle_transaction_age", "prepared_transaction_age", "base_backup_age")
#: A profile that nothing fits, and the thresholds of two reasons that are always there.
_IMPOSSIBLE: dict[str, Any] = {
    "server_version": 99,
    "standbys": 1,
    "connections": 1,
    "migrators": ["postgres", "ghost"],
    "tag": "other",
    "limits": dict.fromkeys(_LIMITS, _TINY),
}
_SETTINGS = {
    "liquibase": {"stale_lock_after": "500ms", "changelogs": [{"file": "missing.xml"}]},
    "verdict": {"thresholds": {"PostgresConnectionPoolHigh": -1, "PostgresTransactionLong": 0.001}},
}
#: What each check of the phase `pre` says then.
_WRONG = {
    "server_version": "99 is the oldest",
    "ddl_is_logged": "log_statement is ddl, but none for deployer",
    "tls_minimum": "TLSv1.2",
    "tls_sessions": "1 session from 127.0.0.1 with no TLS",
    "standbys_stream": "0 of 1 stream",
    "connections_few": "1 at most",
    "pools_have_room": "PostgresConnectionPoolHigh",
    "archive_is_fresh": "the last attempt to archive failed",
    "base_backup_is_fresh": "0 s at most",
    "migrators_are_careful": "postgres is a superuser, or can become one; postgres has no "
    "lock_timeout; postgres has no statement_timeout; ghost does not exist",
    "applications_have_no_ddl": "quest_app can create schemas; "
    "quest_app can create tables in gameplay",
    "transactions_are_short": "(quest_app) idle in transaction",
    "transactions_are_not_idle": "(quest_app) idle in transaction",
    "prepared_transactions_are_young": "gid of postgres",
    "nothing_heavy_is_at_work": "CREATE INDEX on gameplay.built",
    "no_lock_is_stale": "MigrationLockStale",
    "changelog_is_readable": "MigrationChangelogUnreadable",
    "tag_is_set": "other is in no history",
    "indexes_are_valid": "game: gameplay.broken",
    "verdict": "PostgresTransactionLong",
}
_PERMANENT = {
    "server_version",
    "migrators_are_careful",
    "applications_have_no_ddl",
    "tag_is_set",
}


def test_everything_passes_before(gate: Gate) -> None:
    report = gate.report("pre")
    assert report.verdict == "go", show(report)
    assert {check.result for check in report.checks} == {"pass"}
    assert report.not_asked == {}


def test_everything_fails_before(gate: Gate) -> None:
    with situations.everything_wrong(gate):
        report = gate.report("pre", observe=3.0, settings=_SETTINGS, **_IMPOSSIBLE)
    found = {check.name: check for check in report.checks}
    assert {name: found[name].evidence for name in _WRONG if found[name].result != "fail"} == {}
    odd = [name for name, text in _WRONG.items() if text not in found[name].evidence]
    assert odd == [], show(report)
    assert {name for name in _WRONG if found[name].verdict == "abort"} == _PERMANENT
    assert report.verdict == "abort"


def test_a_migration_from_begin_to_end(gate: Gate) -> None:
    """It waits for another session, others wait for it, it succeeds, and then it is damaged."""
    gate.forget_the_migration()
    assert gate.ask("post")["migration_succeeded"].evidence.endswith("pending")
    assert gate.wait("nothing-pending", 0).evidence.endswith("pending, 2 pending")
    with gate.database.connect() as shut:
        shut.execute("SELECT pg_advisory_lock(7)")
        with _update(gate) as update:
            _ask_while_it_is_blocked(gate)
            _ask_while_it_moves(gate)
            shut.execute("SELECT pg_advisory_unlock(7)")
            assert update.wait(60) == 0, update.output()
    report = gate.report("post")
    assert report.verdict == "go", show(report)
    assert {check.result for check in report.checks} == {"pass"}
    assert gate.wait("succeeded", 60).result == gate.wait("nothing-pending", 60).result == "pass"
    (gate.folder / "quests.sql").write_text(CHANGELOG.replace("level int", "level bigint"))
    with situations.invalid_index(gate):
        found = gate.ask("post")
    assert found["no_changeset_drifted"].result == found["indexes_are_valid"].result == "fail"
    gate.forget_the_migration()


@contextmanager
def _update(gate: Gate) -> Iterator[Process]:
    update = gate.liquibase.start("update", log=gate.folder / "update.log")
    try:
        yield update
    finally:
        update.stop()


def _ask_while_it_is_blocked(gate: Gate) -> None:
    """A reader holds up the second changeset, another one waits behind it."""
    read = "SELECT FROM gameplay.zones"
    with (
        ThreadPoolExecutor(1) as readers,
        gate.database.connect() as holder,
        gate.database.connect() as reader,
        holder.transaction(),
    ):
        holder.execute(read)
        _until_waiting(gate, 1)
        reading = readers.submit(reader.execute, read)
        _until_waiting(gate, 2)
        found = gate.ask("during")
        reader.cancel()
        assert isinstance(reading.exception(), psycopg.errors.QueryCanceled)
    assert found["migration_moves"].result == found["nobody_waits"].result == "fail"
    assert "MigrationBlocked" in found["migration_moves"].evidence
    assert found["nobody_waits"].evidence == "1 session behind the migration"


def _ask_while_it_moves(gate: Gate) -> None:
    _until_waiting(gate, 0)
    found = gate.ask("during", window_ends="2026-01-06T04:00:00Z")
    assert found["migration_moves"].result == found["nobody_waits"].result == "pass"
    assert found["window_is_open"].result == "fail"
    assert gate.ask("pre")["no_migration_runs"].result == "fail"


def _until_waiting(gate: Gate, sessions: int) -> None:
    zones = "relation = 'gameplay.zones'::regclass"
    waiting = f"SELECT count(*) FROM pg_locks WHERE {zones} AND NOT granted"
    wait_until(lambda: gate.database.value(waiting) == sessions, 60, f"{sessions} that wait")


_REHEARSED = """
CREATE SCHEMA rehearsed;
CREATE TABLE rehearsed.zones (id int PRIMARY KEY);
CREATE TABLE rehearsed.quests (
  id bigint GENERATED ALWAYS AS IDENTITY, zone int REFERENCES rehearsed.zones,
  level int NOT NULL DEFAULT 1 CHECK (level > 0), doubled int GENERATED ALWAYS AS (level * 2) STORED
) PARTITION BY RANGE (id);
CREATE TABLE rehearsed.quests_1 PARTITION OF rehearsed.quests FOR VALUES FROM (1) TO (100);
CREATE INDEX quests_by_level ON rehearsed.quests (level) WHERE level > 5;
CREATE FUNCTION rehearsed.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON rehearsed.zones FOR EACH ROW
  EXECUTE FUNCTION rehearsed.touch();
GRANT SELECT, INSERT ON rehearsed.zones TO quest_app;
"""
#: What differs in each aspect, and what the check says.
_DAMAGE = {
    "kind": ("ALTER TABLE rehearsed.quests DETACH PARTITION rehearsed.quests_1", "quests_1.bound"),
    "columns": (
        "ALTER TABLE rehearsed.quests ALTER level DROP DEFAULT",
        "quests.level is integer not null, not integer not null default 1",
    ),
    "indexes": ("DROP INDEX rehearsed.quests_by_level", "quests.quests_by_level is missing"),
    "constraints": (
        "ALTER TABLE rehearsed.quests DROP CONSTRAINT quests_level_check",
        "quests.quests_level_check is missing",
    ),
    "triggers": ("ALTER TABLE rehearsed.zones DISABLE TRIGGER touched", "DISABLED"),
    "grants": ("GRANT UPDATE ON rehearsed.zones TO quest_app", "INSERT, SELECT, UPDATE, not"),
}


def test_what_differs_from_the_rehearsal(
    gate: Gate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A snapshot, the same schema, one that is locked, and one that is damaged in every aspect."""
    names = [f"expected_{aspect}" for aspect in _DAMAGE]
    with situations.between(gate, _REHEARSED, "DROP SCHEMA rehearsed CASCADE"):
        assert main(["gate", "snapshot", "--dsn", gate.conninfo(), "--schema", "rehearsed"]) == 0
        file = tmp_path / "expect.yaml"
        file.write_text(capsys.readouterr().out)
        expect = read_expectation(file).model_dump(by_alias=True)
        same = gate.ask("post", expect=expect)
        assert {name: same[name].evidence for name in names if same[name].result != "pass"} == {}
        with gate.database.connect() as holder, holder.transaction():
            holder.execute("LOCK TABLE rehearsed.zones IN ACCESS EXCLUSIVE MODE")
            locked = gate.ask("post", expect=expect)
            assert locked["expected_constraints"].result == "unknown"
            assert locked["expected_triggers"].evidence.endswith("zones")
        for damage, _ in _DAMAGE.values():
            gate.database.execute(damage)
        found = gate.ask("post", expect=expect)
    for aspect, (_, text) in _DAMAGE.items():
        check = found[f"expected_{aspect}"]
        assert (check.result, check.verdict) == ("fail", "abort"), check
        assert text in check.evidence


_GUIDE = ROOT / "tests/fixtures/guide"
_QUEST = ROOT / "examples/quest/gate"
_IMPORT = """
CREATE TABLE temp_quest_import AS
SELECT 'Quest ' || n AS title, 'Find it.' AS description, 1 AS level_min, 1 + n % 100 AS level_max,
       '{"gold": 10}' AS rewards, '["go"]' AS objectives, '{}' AS metadata
  FROM generate_series(0, 1499) n
"""
_QUEST_CHECKS = {"quests_counted", "quest_levels_in_order", "quest_json_is_structured"}


@pytest.fixture
def production(gate: Gate) -> Iterator[Gate]:
    """The guide's database before its deployment."""
    database = gate.server.create_database("production_db")
    database.execute("CREATE EXTENSION pg_stat_statements; CREATE SCHEMA gameplay")
    database.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    folder = gate.server.folder / "guide"
    folder.mkdir(exist_ok=True)
    changelog = "--liquibase formatted sql\n--changeset release:quest-definitions\n"
    (folder / "quests.sql").write_text(changelog + (_GUIDE / "schema.sql").read_text())
    yield Gate(gate.server, database, folder)
    gate.server.drop_database("production_db")


def test_the_deployment_of_the_guide(production: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    """Its SQL as it stands passes with the example's profile, expectation and checks."""
    database = production.database
    done = production.liquibase.run("update")
    assert done.returncode == 0, done.stderr
    database.execute(_IMPORT)
    statements = (_GUIDE / "import.sql").read_text()
    database.execute(statements, options="-c search_path=gameplay,public")
    database.execute("GRANT USAGE ON SCHEMA gameplay TO watcher")
    for table in ("databasechangelog", "databasechangeloglock", "gameplay.quest_definitions"):
        database.execute(f"GRANT SELECT ON {table} TO watcher")
    assert main(["gate", "snapshot", "--dsn", production.conninfo(), "--schema", "gameplay"]) == 0
    rehearsal = yaml.safe_load(capsys.readouterr().out)
    del rehearsal["tables"]["quest_definitions"]["grants"]  # roles are everybody's own
    expect = yaml.safe_load((_QUEST / "expect.yaml").read_text())
    assert rehearsal == expect
    profile = yaml.safe_load((_QUEST / "profile.yaml").read_text())
    profile |= {"standbys": 0, "applications": ["quest_app"], "expect": expect}
    settings = {"checks_files": [str(_QUEST / "checks.yaml")]}
    report = production.report("post", settings=settings, **profile)
    assert report.verdict == "go", show(report)
    assert {check.name for check in report.checks} >= _QUEST_CHECKS
    _damage(database)
    report = production.report("post", settings=settings, **profile)
    wrong = {check.name for check in report.checks if check.verdict == "abort"}
    assert wrong == {*_QUEST_CHECKS, "expected_indexes"}, show(report)
    assert report.verdict == "abort"


def _damage(database: Database) -> None:
    """What each check of the example exists for."""
    quests = "gameplay.quest_definitions"
    database.execute("DROP INDEX gameplay.idx_quest_definitions_rewards_gin")
    database.execute(f"DELETE FROM {quests} WHERE level_max < 50")
    database.execute(f"UPDATE {quests} SET level_min = 90 WHERE level_max = 60")
    database.execute(f"""UPDATE {quests} SET rewards = '"{{}}"' WHERE level_max = 61""")


def test_a_slot_that_lost_its_wal(gate: Gate) -> None:
    with situations.lost_slot(gate):
        found = gate.ask("during")["slots_keep_their_wal"]
    assert (found.result, found.evidence) == ("fail", "slot lagging is lost")


def test_a_role_without_rights_has_no_answers(gate: Gate) -> None:
    """What it may read is answered."""
    found = gate.ask("pre", role="quest_app")
    unknown = {name for name, check in found.items() if check.result == "unknown"}
    need_rights = {check.name for check in CHECKS if check.requires and "pre" in check.phases}
    assert need_rights | {"everything_answers", "no_migration_runs"} <= unknown
    assert "GRANT pg_monitor" in found["base_backup_is_fresh"].evidence
    assert found["ddl_is_logged"].result == "pass"


def test_a_standby_is_no_place_for_a_migration(gate: Gate) -> None:
    standby = ColdStandby(
        gate.server.workspace,
        f"standby_of_{gate.server.name}",
        bindir=gate.server.bindir,
        source=gate.server,
    )
    thresholds = {"PostgresReplicationLagElevated": -1}
    with standby:
        gate.server.wait_for_replay(standby)
        on_primary = gate.ask("pre", standbys=1, settings={"verdict": {"thresholds": thresholds}})
        there = Gate(standby, standby.database("game"), gate.folder).ask("pre")
    assert on_primary["standbys_stream"].result == "pass"
    assert on_primary["replication_keeps_up"].result == "fail"
    role = there["server_is_primary"]
    assert (role.result, role.verdict, role.evidence) == ("fail", "abort", "it is a standby")
    assert there["archive_is_fresh"].evidence == "it is read on a primary; this server is a standby"


def test_a_server_that_does_not_answer_is_no_go(gate: Gate) -> None:
    phases: tuple[Phase, ...] = ("pre", "during", "post")
    gate.server.stop()
    try:
        reports = [gate.report(phase, settings={"scrape": {"timeout": "1s"}}) for phase in phases]
    finally:
        gate.server.start()
    for report in reports:
        assert report.verdict == "hold"
        passed = {check.name for check in report.checks if check.result == "pass"}
        assert passed <= {"verdict", "window_is_open"}, show(report)


def test_an_exit_code_and_a_file(
    gate: Gate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JUnit in a file, the table on the screen; while it is hold, it is asked again."""
    profile, junit = tmp_path / "gate.yaml", tmp_path / "gate.xml"
    command = ["gate", "pre", "--dsn", gate.conninfo(), "--profile", str(profile)]
    profile.write_text(yaml.safe_dump(PROFILE))
    code = main([*command, "--format", "junit", "--output", str(junit)])
    shown = capsys.readouterr().out
    assert (code, shown.partition(":")[0]) == (0, "GO pre"), shown
    validate = [program("java"), _JUNIT / "Validate.java", _JUNIT / "junit.xsd", junit]
    subprocess.run(validate, check=True, capture_output=True)
    profile.write_text(yaml.safe_dump(PROFILE | {"standbys": 1}))
    assert main([*command, "--format", "json", "--wait", "1s"]) == 3
    report = json.loads(capsys.readouterr().out)
    assert report["duration_seconds"] > 1
    assert report["checks"][0]["name"] == "standbys_stream"


def test_an_exporter_answers_too(
    gate: Gate, start_exporter: StartExporter, capsys: pytest.CaptureFixture[str]
) -> None:
    """What needs a statement is not asked, and said."""
    database = gate.database.as_user("watcher")
    exporter = start_exporter(database, postgres={"dsn": database.conninfo(sslmode="require")})
    ask = ["gate", "pre", "--url", exporter.url]
    code = main([*ask, "--format", "json", "--wait", "1m"])
    shown = capsys.readouterr().out
    assert code == 0, shown
    report = json.loads(shown)
    assert "--config or --dsn" in report["not_asked"]["tls_minimum"]
    assert {check["source"] for check in report["checks"]} == {"status"}
    assert main(["wait", "--url", exporter.url, "--for", "go", "--timeout", "30s"]) == 0
    assert capsys.readouterr().out == "the verdict is go\n"
    assert main([*ask, "--target", "ghost"]) == 2
    assert "target=ghost: Not Found" in capsys.readouterr().err
