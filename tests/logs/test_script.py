"""The Lua script by itself: what it makes of single entries."""

from __future__ import annotations

import random
import re

import pytest

from pg_migration_exporter.logs.formats import FormatName
from tests.fixtures.fluent_bit import KEEP_ALL, log_values
from tests.logs.onigmo_pipeline import Document, Script

SAMPLED = {"postgresql": {"log_min_duration_statement": 250, "log_statement_sample_rate": 0.1}}


@pytest.fixture
def script() -> Script:
    return Script(log_values(KEEP_ALL))


def json_entry(message: str, **fields: object) -> Document:
    """An entry of jsonlog as its parser leaves it."""
    entry = {"error_severity": "LOG", "message": message, "dbname": "game", "line_num": 1}
    return entry | {"session_id": "65f0.1a", "query_id_text": "0"} | fields


@pytest.mark.parametrize(
    ("message", "event", "seconds"),
    [
        ("duration: 1.5 ms", None, 0.0015),
        ("duration: 1.5 ms  statement: SELECT 1", None, 0.0015),
        ("duration: 1.5 ms  execute <unnamed>: SELECT\n 1", None, 0.0015),
        ("duration: 1.5 ms  parse S_1: SELECT 1", None, 0.0015),
        ("duration: soon", None, None),
        ("statement: CREATE TABLE t ()", "statement", None),
        ("execute <unnamed>: CREATE TABLE t ()", "statement", None),
        (
            "process 4 still waiting for ShareLock on transaction 7 after 1000.1 ms",
            "lock_wait",
            None,
        ),
        (
            "process 4 acquired AccessShareLock on relation 1 of database 5 after 2500 ms",
            "lock_acquired",
            2.5,
        ),
        ("process 4 avoided deadlock for ShareLock on tuple after 5 ms", None, None),
        ("checkpoint starting: time", None, None),
        (
            "checkpoint complete: wrote 3; write=0.1 s, sync=0.2 s, total=0.5 s; x",
            "checkpoint",
            0.5,
        ),
        ("restartpoint complete: wrote 3; total=0.25 s; distance=0 kB", "checkpoint", 0.25),
        (
            'automatic vacuum of table "game.public.watched": index scans: 0\nelapsed: 2.00 s',
            "autovacuum",
            2.0,
        ),
        (
            'automatic aggressive vacuum to prevent wraparound of table "game.public.watched": x\n'
            "system usage: CPU: user: 0.00 s, system: 0.00 s, elapsed: 3.00 s",
            "autovacuum",
            3.0,
        ),
        ('automatic analyze of table "game.public.watched"\nelapsed: 1.00 s', "autoanalyze", 1.0),
        ('automatic analyze of table "game.public.other"\nelapsed: 1.00 s', None, None),
        ("automatic doors", None, None),
        ("", None, None),
        ("ÄRGER", None, None),
    ],
)
def test_events_of_messages(
    script: Script, message: str, event: str | None, seconds: float | None
) -> None:
    record = script.normalize("jsonlog", json_entry(message))
    assert (record.get("event"), record.get("seconds")) == (event, seconds)


@pytest.mark.parametrize(
    ("message", "is_execution"),
    [
        ("duration: 1 ms", True),
        ("duration: 1 ms  statement: parse", True),
        ("duration: 1 ms  execute S_1: SELECT 1", True),
        ("duration: 1 ms  fastpath function call: lo_open", True),
        ("duration: 1 ms  parse S_1: SELECT 1", False),
        ("duration: 1 ms  bind S_1: SELECT 1", False),
        ("duration: 1 ms  plan:\nQuery Text: SELECT 1", False),
    ],
)
def test_an_execution_is_timed_once(script: Script, message: str, is_execution: bool) -> None:
    record = script.normalize("jsonlog", json_entry(message))
    assert record.get("timed") == ("query" if is_execution else None)


@pytest.mark.parametrize(("sqlstate", "event"), [("40P01", "deadlock"), ("55P03", "lock_timeout")])
def test_events_of_errors(script: Script, sqlstate: str, event: str) -> None:
    error = json_entry("duration: 1 ms", error_severity="ERROR", state_code=sqlstate)
    record = script.normalize("jsonlog", error)
    assert record["event"] == event
    assert "timed" not in record


def test_slow_statements_are_thinned_out_as_the_server_thins_out_the_others() -> None:
    """The histogram of what is observed is that of what was run."""
    script = Script(log_values(SAMPLED))
    random.seed(1)
    slow, fast = 2000, 8000
    logged = ["duration: 300 ms"] * slow
    logged += [each for each in ["duration: 2 ms"] * fast if random.random() < 0.1]
    records = [script.normalize("jsonlog", json_entry(message)) for message in logged]
    observed = [record["seconds"] for record in records if record.get("timed") == "query"]
    assert sum(each > 0.25 for each in observed) / len(observed) == pytest.approx(0.2, abs=0.04)
    assert [record.get("event") for record in records[:slow]] == ["slow_statement"] * slow
    assert {record.get("event") for record in records[slow:]} == {None}


def test_labels_stay_few_whatever_clients_send(script: Script) -> None:
    labels = ("db_label", "sqlstate_label", "application_label")
    found: dict[str, set[str]] = {label: set() for label in labels}
    for number in range(1000):
        error = json_entry(
            "no",
            error_severity="ERROR",
            dbname=f"db{number}",
            state_code=f"X{number:04}",
            application_name=f"liquibase {number}",
        )
        record = script.normalize("jsonlog", error)
        for label, values in found.items():
            values.add(record[label])
    assert {label: len(values) for label, values in found.items()} == {
        "db_label": 201,
        "sqlstate_label": 301,
        "application_label": 51,
    }
    assert all("other" in values for values in found.values())


def test_a_refused_client_makes_no_label(script: Script) -> None:
    refused = json_entry("no", error_severity="FATAL", dbname="attack", state_code="3D000")
    assert script.normalize("jsonlog", refused)["db_label"] == "other"
    assert script.normalize("jsonlog", json_entry("ready"))["db_label"] == "game"
    known = json_entry("no", error_severity="FATAL", dbname="game", state_code="28P01")
    assert script.normalize("jsonlog", known)["db_label"] == "game"


def test_errors_of_migrations_are_marked(script: Script) -> None:
    failed = json_entry("no", error_severity="ERROR", application_name="Liquibase 5")
    record = script.normalize("jsonlog", failed)
    assert (record["migration"], record["application_label"]) == (True, "Liquibase 5")
    done = script.normalize("jsonlog", json_entry("yes", application_name="liquibase"))
    assert done["migration"] is True
    assert "application_label" not in done
    other = script.normalize("jsonlog", json_entry("no", application_name="psql"))
    assert "migration" not in other


@pytest.mark.parametrize("name", ["jsonlog", "csvlog", "stderr"])
def test_what_no_parser_read_is_kept_as_it_is(script: Script, name: FormatName) -> None:
    record = script.normalize(name, {"log": 'half ""an\n\tentry'})
    assert record.pop("server")
    assert record == {"level": "UNPARSED", "message": 'half ""an\n\tentry', "kept": "yes"}


@pytest.mark.parametrize(
    ("flagged", "joined"),
    [
        ("F one line", "one line"),
        ("P long, \nP long, \nF end\n", "long, long, end"),
        ("F first\nP \tsec\nF ond\nF P third", "first\n\tsecond\nP third"),
        ("no flag\nF at all", "no flag\nF at all"),
    ],
)
def test_pieces_of_a_container_line_are_joined(script: Script, flagged: str, joined: str) -> None:
    assert script.call("join_pieces", {"log": flagged})[2] == {"log": joined}


def test_a_time_that_was_not_understood_becomes_that_of_arrival(script: Script) -> None:
    entry = json_entry("x", timestamp="2026-01-01 00:00:00.000 +03")
    code, time, record = script.call("from_jsonlog", entry, 0.187)
    assert code == 1
    assert time > 1.7e9
    assert record["timestamp"] == "2026-01-01 00:00:00.000 +03"
    assert script.call("from_jsonlog", json_entry("x"), 5.0)[:2] == (2, 5.0)


def test_json_says_nothing_of_success_and_numbers_may_be_long(script: Script) -> None:
    entry = json_entry("x", query_id=-5452831241292520448, query_id_text="-5452831241292520448")
    record = script.normalize("jsonlog", entry)
    assert record["sqlstate"] == "00000"
    assert record["query_id"] == "-5452831241292520448"
    assert "query_id_text" not in record


def test_identity_is_that_of_server_session_and_line(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGS_SERVER", "primary")
    named = Script(log_values(KEEP_ALL))
    record = named.normalize("jsonlog", json_entry("duration: 1 ms"))
    stored = named.call("identify", record)[2]
    assert stored["log_id"] == "primary-65f0.1a-1"
    assert stored["server"] == "primary"
    assert not {"db_label", "sqlstate_label", "timed", "source", "kept"} & stored.keys()
    unread = named.call("identify", named.normalize("jsonlog", {"log": "half"}))[2]
    assert re.fullmatch(r"primary-unparsed-\d+-1", unread["log_id"])


def test_values_become_lua_whatever_is_in_them() -> None:
    hostile = 'a"]] = true } os.exit() --\\'
    values = log_values({"migration": {"applications": [hostile], "tables": [hostile]}})
    script = Script(values)
    record = script.normalize("jsonlog", json_entry("x", application_name=hostile))
    assert record["migration"] is True


@pytest.mark.parametrize(
    ("entry", "is_kept"),
    [
        (json_entry("ready"), False),
        (json_entry("duration: 1 ms  statement: SELECT 1"), False),
        (json_entry("careful", error_severity="WARNING"), True),
        (json_entry("duration: 1 ms  statement: SELECT * FROM DatabaseChangeLog"), True),
        (json_entry("ready", application_name="liquibase"), True),
        (json_entry("x", statement="SELECT * FROM databasechangelog"), True),
        (json_entry("x", context="while in MIGRATION 7"), True),
        (json_entry("process 4 still waiting for ShareLock on tuple after 1000.1 ms"), True),
    ],
)
def test_only_what_matters_is_kept_and_all_is_counted(entry: Document, is_kept: bool) -> None:
    record = Script(log_values()).normalize("jsonlog", entry)
    assert record.get("kept") == ("yes" if is_kept else None)
    assert (record["level"], record["db_label"]) == (entry["error_severity"], "game")
    assert ("message" in record) == is_kept


def test_errors_of_migrations_are_copied_for_the_exporter_without_sql() -> None:
    exporter = {"enabled": True, "roles": ["app"]}
    script = Script(log_values(KEEP_ALL, {"exporter": exporter}))
    error = json_entry(
        "no such table",
        error_severity="ERROR",
        user="app",
        state_code="42P01",
        statement="ALTER TABLE secret ADD x int",
        detail="secret",
    )
    record = script.normalize("jsonlog", error)
    assert record["failure"] == "yes"
    code, _, copy = script.call("for_exporter", record)
    assert code == 2
    assert copy == {
        "pid": 0x1A,
        "started": 0x65F0,
        "user": "app",
        "database": "game",
        "severity": "ERROR",
        "sqlstate": "42P01",
        "message": "no such table",
        "statement": "ALTER TABLE secret",
    }
    assert "failure" not in script.call("identify", record)[2]
    for other in (error | {"user": "web"}, error | {"error_severity": "LOG"}):
        assert "failure" not in script.normalize("jsonlog", other)
    named = error | {"user": "web", "application_name": "liquibase"}
    assert script.normalize("jsonlog", named)["failure"] == "yes"
    assert script.call("for_exporter", {"level": "ERROR"})[0] == -1


def test_without_the_exporter_nothing_is_copied(script: Script) -> None:
    error = json_entry("no", error_severity="ERROR", application_name="liquibase")
    assert "failure" not in script.normalize("jsonlog", error)
