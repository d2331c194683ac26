"""The report as a value: what it takes in, and what it answers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_migration_exporter.liquibase.reports.report import (
    MAX_BYTES,
    MAX_CHANGESETS,
    ChangesetReport,
    Failure,
    Outcome,
    Result,
    RunTarget,
    Summary,
    latest_report,
    parse_report,
)
from tests.fixtures.reports import make_report

FULL = make_report(
    target=RunTarget(servers=("db:5432",), database="quests", changelog="public.databasechangelog"),
    ended=2e9,
    outcome=Outcome.FAILED,
    exit_code=1,
    failure=Failure(changeset="a.sql::1::alice", reason="ERROR: no"),
    changesets=(
        ChangesetReport(identity="a.sql::0::alice", result=Result.RAN, duration=0.2),
        ChangesetReport(identity="a.sql::1::alice", result=Result.FAILED),
    ),
    summary=Summary(run=1, total=3, filtered={"Context mismatch": 1}),
)


def changed(**changes: Any) -> str:
    return json.dumps(json.loads(FULL.model_dump_json()) | changes)


def test_what_is_written_is_read() -> None:
    assert parse_report(FULL.model_dump_json()) == FULL


def test_keys_of_a_later_version_are_ignored() -> None:
    assert parse_report(changed(weather="fine")) == FULL


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"format": 2}, "format: Input should be 1"),
        ({"run_id": "../../etc/passwd"}, "run_id: Input should be a valid UUID"),
        ({"started": "yesterday"}, "started: Input should be a valid number"),
        ({"started": -1}, "started: Input should be greater than or equal to 0"),
        ({"outcome": "fine"}, "outcome: Input should be 'running', 'succeeded', 'failed' or "),
        ({"exit_code": 256}, "exit_code: Input should be less than or equal to 255"),
        ({"changesets": [{"identity": 5}]}, "changesets.0.identity: Input should be a valid str"),
        ({"changesets": [{}] * 9}, "changesets.0.identity: Field required; changesets.0.result: "),
        (
            {"changesets": [{"identity": "x", "result": "ran"}] * (MAX_CHANGESETS + 1)},
            f"changesets: Tuple should have at most {MAX_CHANGESETS} items",
        ),
    ],
)
def test_what_is_none_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}"):
        parse_report(changed(**changes))


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[" * 100_000, b"nan", b"\xff\xfe", b'{"started": NaN}', b" " * (MAX_BYTES + 1)],
)
def test_nonsense_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_report(content)


@given(st.text())
def test_any_text_becomes_one_line_that_can_be_stored(text: str) -> None:
    report = parse_report(make_report(host=text).model_dump_json())
    assert len(report.host) <= 1000
    assert "\x00" not in report.host
    assert "\n" not in report.host
    assert make_report(host="a\x00b\nc\ud800").host == "a b c"


def test_the_largest_report_can_be_read() -> None:
    longest = ChangesetReport(identity="\U0001f409" * 1000, result=Result.RAN, duration=0.123)
    assert parse_report(make_report(changesets=(longest,) * MAX_CHANGESETS).model_dump_json())


@pytest.mark.parametrize(
    ("command", "database", "changelog", "is_about"),
    [
        ("update", "quests", "public.databasechangelog", True),
        ("", "quests", "", True),
        ("", "", "", True),
        ("status", "quests", "public.databasechangelog", False),
        ("update", "guilds", "public.databasechangelog", False),
        ("update", "quests", "public.other", False),
    ],
)
def test_which_reports_may_be_of_a_history(
    command: str, database: str, changelog: str, is_about: bool
) -> None:
    target = RunTarget(database=database, changelog=changelog)
    report = make_report(command=command, target=target)
    assert report.is_about("quests", "public.databasechangelog") == is_about


def test_the_run_that_ended_last_is_the_latest() -> None:
    long = make_report(started=1000.0, ended=3000.0)
    gave_up = make_report(started=2000.0, ended=2300.0)
    killed = make_report(started=2500.0)
    assert latest_report([gave_up, long, killed]) == long
    assert latest_report([killed, make_report(started=2400.0)]) == killed
    assert latest_report([]) is None


def test_a_replica_of_the_previous_release_does_not_hide_a_failure() -> None:
    failure = Failure(changeset="a.sql::1::me", reason="ERROR")
    failed = make_report(started=10.0, ended=20.0, outcome=Outcome.FAILED, failure=failure)
    idle = make_report(started=30.0, ended=31.0, outcome=Outcome.SUCCEEDED)
    wrapped = idle.model_copy(update={"exit_code": 0})
    ran = ChangesetReport(identity="a.sql::1::me", result=Result.RAN)
    repaired = idle.model_copy(update={"changesets": (ran,)})
    assert latest_report([failed, idle]) == failed
    for latest in (wrapped, repaired):
        assert latest_report([failed, latest]) == latest
    elsewhere = failed.model_copy(update={"failure": Failure(reason="a checksum")})
    assert latest_report([elsewhere, idle]) == idle
