"""Logs that real Liquibase wrote, stack traces shortened, and what is read from each."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_migration_exporter.liquibase.reports.report import Failure, Outcome, Summary
from pg_migration_exporter.liquibase.wrapper.log_records import LogRecordReader
from pg_migration_exporter.liquibase.wrapper.progress import Progress

LOGS = Path(__file__).with_name("logs")


class Parsed(NamedTuple):
    """The results in a log; each result is `path::id::author result [milliseconds]`."""

    outcome: Outcome
    results: list[str]
    failure: Failure | None = None
    summary: Summary | None = None
    changelog: str = "public.databasechangelog"


_NO_RELATION = 'ERROR: relation "gameplay.nope" does not exist'
_NO_TABLE = 'ERROR: table "t_does_not_exist" does not exist'
_CHANGED = "Validation Failed: 1 changesets check sum quests.sql::chk::alice was: {} but is now: {}"
_EXEC = [
    "first ran 15",
    "plain ran 5",
    "failOnErrorFalse failure_ignored",
    "pc-markran marked_ran",
    "pc-continue skipped",
    "pc-warn ran 42",
    "pc-onerror-markran marked_ran",
    "pc-onerror-continue skipped",
    "run-always ran 4",
    "run-on-change ran 3",
    "ctx-prod ran 4",
    "empty ran 3",
    "multi-sql-dbms skipped",
    "last ran 7",
]
GOLDEN = {
    "4.20.0-update": Parsed(
        Outcome.SUCCEEDED, ["quests.sql::one::alice ran 14", "quests.sql::two::alice ran 4"]
    ),
    "4.22.0-update": Parsed(
        Outcome.SUCCEEDED,
        ["quests.sql::one::alice ran 11", "quests.sql::two::alice ran 3"],
        summary=Summary(
            run=2, previously_run=0, filtered_out=1, total=3, filtered={"Context mismatch": 1}
        ),
    ),
    "5.0.1-update": Parsed(
        Outcome.SUCCEEDED,
        ["quests.sql::one::alice ran 43", "quests.sql::two::alice ran 13"],
        summary=Summary(run=2, filtered_out=1, total=3, filtered={"Context mismatch": 1}),
    ),
    "4.20.0-sql_error": Parsed(
        Outcome.FAILED,
        ["t/fail_sql.sql::ok1::alice ran 16", "t/fail_sql.sql::bad::alice failed"],
        Failure(changeset="t/fail_sql.sql::bad::alice", reason=_NO_RELATION),
    ),
    "4.28.0-sql_error": Parsed(
        Outcome.FAILED,
        ["t/fail_sql.sql::ok1::alice ran 27", "t/fail_sql.sql::bad::alice failed"],
        Failure(changeset="t/fail_sql.sql::bad::alice", reason=_NO_RELATION),
        Summary(run=1, total=3),
    ),
    "5.0.1-sql_error": Parsed(
        Outcome.FAILED,
        ["t/fail_sql.sql::ok1::alice ran 94", "t/fail_sql.sql::bad::alice failed"],
        Failure(changeset="t/fail_sql.sql::bad::alice", reason=_NO_RELATION),
        Summary(run=1, total=3),
    ),
    "4.20.0-exec_types": Parsed(
        Outcome.SUCCEEDED,
        [
            f"t/exec.xml::{result.replace(' ', '::a ', 1)}"
            for result in (
                "first ran 16",
                "plain ran 3",
                "failOnErrorFalse failure_ignored",
                "pc-markran marked_ran",
                "pc-continue skipped",
                "pc-warn ran 28",
                "pc-onerror-markran marked_ran",
                "run-always ran 5",
                "run-on-change ran 4",
                "ctx-prod ran 3",
                "empty ran 9",
                "multi-sql-dbms ran 2",
                "last ran 4",
            )
        ],
    ),
    "5.0.1-exec_types": Parsed(
        Outcome.SUCCEEDED,
        [f"t/exec.xml::{result.replace(' ', '::a ', 1)}" for result in _EXEC],
        summary=Summary(
            run=10,
            filtered_out=6,
            total=17,
            filtered={
                "Context mismatch": 1,
                "Label mismatch": 1,
                "Ignored": 1,
                "DBMS mismatch": 1,
                "Preconditions": 2,
            },
        ),
    ),
    "5.0.1-precondition": Parsed(
        Outcome.FAILED,
        ["t/halt.xml::h1::a ran 26", "t/halt.xml::pc-halt::a failed"],
        Failure(
            changeset="t/halt.xml::pc-halt::a",
            reason="t/halt.xml : Table public.nope does not exist",
        ),
        Summary(run=1, total=3),
    ),
    "4.28.0-rollback": Parsed(Outcome.SUCCEEDED, ["quests.sql::two::alice rolled_back"]),
    "5.0.1-rollback": Parsed(Outcome.SUCCEEDED, ["quests.sql::two::alice rolled_back"]),
    "4.20.0-rollback_error": Parsed(Outcome.FAILED, [], Failure(reason=_NO_TABLE)),
    "5.0.1-rollback_error": Parsed(
        Outcome.FAILED, ["t/norb.sql::badrb::alice failed"], Failure(reason=_NO_TABLE)
    ),
    "4.20.0-checksum": Parsed(
        Outcome.FAILED,
        [],
        Failure(
            changeset="quests.sql::chk::alice",
            reason=_CHANGED.format(
                "8:07d7d7a28c35b80d36e41424401a2f3e", "8:a831000d0868c3af2fc99814c0481415"
            ),
        ),
    ),
    "5.0.1-checksum": Parsed(
        Outcome.FAILED,
        [],
        Failure(
            changeset="quests.sql::chk::alice",
            reason=_CHANGED.format(
                "9:a7ca957848b7a2d82c733ec390529b49", "9:95f73f1cbca88624a9748e8f80d48571"
            ),
        ),
    ),
    "5.0.1-german_jvm": Parsed(
        Outcome.FAILED,
        ["t/fail_sql.sql::ok1::alice failed"],
        Failure(
            changeset="t/fail_sql.sql::ok1::alice",
            reason='ERROR: schema "gameplay" does not exist',
        ),
        Summary(total=3),
    ),
    "5.0.1-quoted_schema": Parsed(
        Outcome.SUCCEEDED,
        [
            "quests.sql::one::alice ran 15",
            "quests.sql::two::alice ran 7",
            "quests.sql::three::alice ran 5",
        ],
        summary=Summary(run=3, total=3),
        changelog="Deploy Ment.questhistory",
    ),
}


def chunks(content: bytes, cuts: list[int]) -> Iterator[bytes]:
    start = 0
    for cut in sorted(cuts):
        yield content[start:cut]
        start = cut
    yield content[start:]


def read(content: bytes, cuts: list[int] | None = None) -> Progress:
    reader, progress = LogRecordReader(), Progress()
    for chunk in chunks(content, cuts or []):
        for record in reader.feed(chunk):
            progress.add(record)
    for record in reader.feed(b"", final=True):
        progress.add(record)
    return progress


def described(progress: Progress) -> list[str]:
    return [
        f"{result.identity} {result.result}"
        + (f" {result.duration * 1000:.0f}" if result.duration is not None else "")
        for result in progress.results
    ]


@pytest.mark.parametrize("name", GOLDEN)
def test_a_real_log(name: str) -> None:
    progress = read(LOGS.joinpath(f"{name}.log").read_bytes())
    expected = GOLDEN[name]
    progress.end(expected.outcome)
    parsed = Parsed(
        expected.outcome,
        described(progress),
        progress.failure,
        progress.summary,
        progress.changelog,
    )
    assert parsed == expected


def test_every_log_has_its_expectation() -> None:
    assert {file.stem for file in LOGS.iterdir()} == set(GOLDEN)


def test_version_and_deployment_are_known_since_4_22() -> None:
    old = read(LOGS.joinpath("4.20.0-update.log").read_bytes())
    new = read(LOGS.joinpath("4.22.0-update.log").read_bytes())
    assert (old.version, old.deployment_id) == ("", "")
    assert (new.version, new.deployment_id) == ("4.22.0", "5362476657")


@given(st.lists(st.integers(0, 5000), max_size=20))
def test_where_the_blocks_end_does_not_matter(cuts: list[int]) -> None:
    content = LOGS.joinpath("5.0.1-sql_error.log").read_bytes()
    assert read(content, cuts) == read(content)


@pytest.mark.parametrize(
    "text",
    [
        "Continuing past: " + ":" * 20_000,
        "Continuing past: " + "a::" * 20_000,
        "Marking ChangeSet: " + '"' * 20_000,
        "ChangeSet " + " ran successfully in 1" * 5_000,
        "Starting Liquibase at " + "(version " * 5_000,
        "Reading from " + '""' * 20_000,
        "java." * 20_000,
        "Error" * 20_000,
        " was: " * 20_000,
        "a" * (5 << 20),
    ],
    ids=lambda text: text[:30],
)
def test_hostile_lines_take_linear_time(text: str) -> None:
    heads = ("liquibase.changelog", "liquibase.integration", "liquibase.util")
    lines = [f"[2026-01-06 20:15:00] INFO [{head}] {text}\n{text}\n\tat x\n" for head in heads]
    progress = Progress()
    started = time.monotonic()
    for record in LogRecordReader().feed("".join(lines).encode(), final=True):
        progress.add(record)
    assert progress.records == 3
    assert time.monotonic() - started < 2


def test_a_line_without_an_end_is_cut() -> None:
    reader = LogRecordReader()
    for _ in range(100):
        assert not [*reader.feed(b"a" * 100_000)]
    assert sys.getsizeof(reader._unfinished) < 100_000


def test_a_run_that_was_killed_was_interrupted_in_its_changeset() -> None:
    progress = read(b"[2026-01-06 20:15:00] INFO [liquibase.ui] Running Changeset: a.sql::1::al\n")
    assert described(progress) == ["a.sql::1::al running"]
    progress.end(Outcome.KILLED)
    assert described(progress) == ["a.sql::1::al interrupted"]


@given(st.binary(max_size=300))
def test_no_bytes_are_too_strange(content: bytes) -> None:
    head = b"[2026-01-06 20:15:00] INFO [liquibase.changelog] "
    progress = read(head + content + b"\n" + head + b"ChangeSet a::b::c ran successfully in 1ms\n")
    assert described(progress)[-1] == "a::b::c ran 1"
