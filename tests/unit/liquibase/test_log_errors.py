"""Errors of the server's log: their JSON, which run had them, and what they prove."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pg_migration_exporter.liquibase.history.row import Row
from pg_migration_exporter.liquibase.history.tables import ChangelogTables, Table
from pg_migration_exporter.liquibase.logs.log_error import LogError, parse_log_errors
from pg_migration_exporter.liquibase.logs.received import MAX_ERRORS, ReceivedErrors
from pg_migration_exporter.liquibase.logs.run_errors import RunErrors, RunPeriod
from pg_migration_exporter.liquibase.state.decide import MigrationState, decide
from pg_migration_exporter.liquibase.state.evidence import (
    ChangelogComparison,
    Evidence,
    InferredFailure,
    RunEffect,
    TableAccess,
)
from pg_migration_exporter.liquibase.state.judged_runs import JudgedRun, JudgedRuns
from pg_migration_exporter.liquibase.state.judgement import judge
from pg_migration_exporter.liquibase.state.memory import ChangelogMemory
from pg_migration_exporter.liquibase.state.runs import EndedRun
from pg_migration_exporter.postgres.guarded_table import GuardedTable, Owner
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows

FIRST, SECOND = "a.sql::1::me", "a.sql::2::me"
PERIOD = RunPeriod(1000.0, 1010.0)
NOTHING = EndedRun(RunEffect.LEFT_NO_ROW)
ADDED = EndedRun(RunEffect.ADDED_ROWS, (FIRST,), is_consecutive=True)


def log_error(**fields: Any) -> LogError:
    """An error of a session that began with the run; `fields` take precedence."""
    defaults = {"time": 1005.0, "pid": 7, "started": 999.0, "user": "app", "database": "shop"}
    defaults |= {"severity": "ERROR", "sqlstate": "22012", "message": "division by zero"}
    return LogError.model_validate(defaults | fields)


# --- JSON ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_lines", [False, True])
def test_it_reads_what_fluent_bit_posts(as_lines: bool) -> None:
    entry = log_error().model_dump() | {"statement": "alter table t", "server": "db1"}
    entries = [entry, entry | {"pid": 8.0}]
    body = "\n".join(map(json.dumps, entries)) if as_lines else json.dumps(entries)
    errors = parse_log_errors(body.encode())
    assert [error.pid for error in errors] == [7, 8]
    assert str(errors[0]) == "ALTER TABLE: division by zero (SQLSTATE 22012)"


def test_of_a_statement_only_the_kind_is_stored() -> None:
    secret = log_error(statement="ALTER ROLE app PASSWORD 'secret'")
    assert secret.statement == "ALTER ROLE"
    assert log_error(statement="'secret'").statement == ""
    assert len(log_error(message="x" * 5000).message) == 1000


def test_entries_that_are_no_error_are_skipped() -> None:
    good = log_error().model_dump()
    bad = [good | {"severity": "LOG"}, good | {"time": "soon"}, {}, 7, None, good | {"pid": -1}]
    assert parse_log_errors(json.dumps([*bad, good])) == [log_error()]
    assert parse_log_errors("") == []


@pytest.mark.parametrize("body", [b"{", b"[1", "[" * 100_000, b"no\n"])
def test_what_is_not_json_is_refused_and_not_quoted(body: str | bytes) -> None:
    with pytest.raises(
        ValueError, match=r"^neither a JSON array nor one JSON object in each line$"
    ):
        parse_log_errors(body)


def test_only_the_latest_errors_are_stored() -> None:
    received = ReceivedErrors()
    received.add(log_error(time=float(number)) for number in range(2 * MAX_ERRORS))
    found = received.between("shop", 0.0, 1e9)
    assert len(found) == MAX_ERRORS
    assert found[0].time == 2 * MAX_ERRORS - 1
    assert received.between("other", 0.0, 1e9) == []
    assert received.is_poll_due


# --- whose error --------------------------------------------------------------------------------


def is_of_run(error: LogError, period: RunPeriod = PERIOD) -> bool:
    """Whether the error counts, on a server where `app` may write the history."""
    owner = Owner(10, "postgres", is_trusted=True)
    history = Table(
        1,
        "public",
        "databasechangelog",
        "public.databasechangelog",
        False,
        True,
        True,
        owner,
        owner,
    )
    lock = Table(2, "public", "changes_lock", "public.changes_lock", True, True, True, owner, owner)

    async def query(query: Query, *parameters: str, **_: str | GuardedTable) -> Rows:
        return Rows(("migrates",), [(parameters[0] == "app",)])

    recognizer = RunErrors(query, ChangelogTables(history, lock), ["liquibase"])
    return asyncio.run(recognizer.is_of_run(error, period))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"user": "reader"}, False),
        ({"user": "reader", "application": "liquibase"}, True),
        ({"application": "psql"}, False),
        ({"application": "pg-migration-exporter run"}, False),
        ({"started": 900.0}, False),
        ({"started": 900.0, "application": "liquibase"}, False),
        ({"started": 0.0}, False),
        (_probe := {"sqlstate": "42P01", "message": 'relation "s.databasechangelog" ...'}, False),
        (_probe | {"message": 'relation "s.changes_lock" does not exist'}, False),
        (_probe | {"message": 'relation "s.orders" does not exist'}, True),
    ],
)
def test_which_errors_are_the_run_s(fields: dict[str, Any], expected: bool) -> None:
    assert is_of_run(log_error(**fields)) is expected


def test_an_old_session_counts_only_if_it_held_the_lock() -> None:
    old = log_error(started=5.0, user="reader")
    assert is_of_run(old, RunPeriod(1000.0, 1010.0, frozenset({7})))
    assert not is_of_run(old, RunPeriod(1000.0, 1010.0, frozenset({8})))


# --- what it proves -----------------------------------------------------------------------------


def files(*pending: str, skippable: tuple[str, ...] = ()) -> ChangelogComparison:
    expected = frozenset({FIRST, SECOND, *pending, *skippable})
    return ChangelogComparison(pending, expected=expected, skippable=skippable)


def row(executed: float | None = None, committed: float | None = None) -> Row:
    return Row(1, FIRST, "9:x", "EXECUTED", 1, None, None, executed, committed, 7)


def outcome(
    run: EndedRun,
    compared: ChangelogComparison | None,
    error: LogError | None,
    last: Row | None = None,
    *,
    is_reported: bool = False,
) -> ChangelogMemory:
    """What is remembered about a run and counted, after an error has arrived."""
    expected = compared.expected if compared else frozenset[str]()
    judged = JudgedRun(run, judge(run, compared, expected), expected, is_reported)
    memory = ChangelogMemory()
    runs = JudgedRuns([judged], compared, PERIOD, last, None, "", 1015.0)
    runs.record(memory)
    if error is not None:
        runs.apply(error, memory)
    memory.count_runs()
    return memory


def decided(memory: ChangelogMemory, compared: ChangelogComparison | None) -> tuple[str, str, bool]:
    """The state, its source, and whether it is inferred."""
    decision = decide(
        Evidence(
            TableAccess.COMPLETE,
            inferred_failure=memory.failure,
            unknown_outcome=memory.unknown_outcome,
            files=compared,
        )
    )
    return decision.status, decision.source, decision.inferred


@pytest.mark.parametrize(
    ("run", "compared", "last", "inferred"),
    [
        (NOTHING, files(FIRST, SECOND), None, False),
        (NOTHING, None, None, True),  # it may have been a changeset with failOnError=false
        (NOTHING, files(FIRST, skippable=(SECOND,)), None, True),
        (NOTHING, files(), None, False),  # a rollback
        (ADDED, files(SECOND), row(committed=1004.0), False),
        (ADDED, files(SECOND), row(executed=1004.0 + 7200), False),
        (ADDED, None, row(committed=1004.0), True),
        (EndedRun(RunEffect.REMOVED_ROWS), files(FIRST), None, False),
    ],
)
def test_a_failure_that_the_tables_agree_with(
    run: EndedRun, compared: ChangelogComparison | None, last: Row | None, inferred: bool
) -> None:
    memory = outcome(run, compared, log_error(), last)
    assert memory.runs == {"failed": 1}
    assert decided(memory, compared) == (MigrationState.FAILED, "log", inferred)
    assert memory.failure is not None
    assert "division by zero (SQLSTATE 22012)" in memory.failure.reason


@pytest.mark.parametrize(
    ("run", "compared", "last"),
    [
        (ADDED, files(), row(committed=1004.0)),  # all is applied
        (ADDED, None, row(committed=1006.0)),  # it went on after the error
        (ADDED, None, row(executed=1006.0 - 5400)),
        (NOTHING, files(skippable=(SECOND,)), None),  # failOnError=false
        (EndedRun(RunEffect.TAGGED), files(), None),
        (EndedRun(RunEffect.CLEARED_CHECKSUMS), None, None),
    ],
)
def test_an_error_that_liquibase_tolerated(
    run: EndedRun, compared: ChangelogComparison | None, last: Row | None
) -> None:
    assert outcome(run, compared, log_error(), last) == outcome(run, compared, None, last)


def test_what_the_run_reported_about_itself_counts_more() -> None:
    memory = outcome(ADDED, None, log_error(), is_reported=True)
    assert memory.failure is None


def test_the_changeset_that_failed_is_known_from_the_files() -> None:
    memory = outcome(ADDED, files(SECOND), log_error(), row(committed=1004.0))
    assert memory.failure is not None
    assert memory.failure.changeset == SECOND


def test_an_update_that_was_told_to_end_early_and_failed() -> None:
    run = EndedRun(RunEffect.ADDED_ROWS, (FIRST,), may_leave_pending=True)
    memory = outcome(run, files(SECOND), log_error(), row(committed=1004.0))
    assert memory.failure == InferredFailure(
        f"changeset {SECOND} failed: the server logged an error of it: division by zero "
        "(SQLSTATE 22012)",
        SECOND,
        is_logged=True,
    )


def test_an_outcome_that_was_counted_is_not_counted_again() -> None:
    memory = ChangelogMemory()
    judged = JudgedRun(ADDED, judge(ADDED, None, frozenset()))
    runs = JudgedRuns([judged], None, PERIOD, None, None, "", 1015.0)
    runs.record(memory)
    assert memory.count_runs() == ["unknown"]
    assert runs.apply(log_error(), memory)
    assert memory.failure is not None
    assert memory.count_runs() == ()
    assert memory.runs == {"unknown": 1}
