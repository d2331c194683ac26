"""The reason of a failure: Liquibase's words without SQL, row values and class names."""

from __future__ import annotations

import pytest

from pg_migration_exporter.liquibase.wrapper.failure import read_failure
from pg_migration_exporter.liquibase.wrapper.log_records import LogRecord

TRACE = [
    "liquibase.exception.CommandExecutionException: liquibase.exception.LiquibaseException: x",
    "\tat liquibase.command.CommandScope.execute(CommandScope.java:310)",
]

CASES = {
    "values of a row stay out": (
        [
            "Migration failed for changeset a.sql::check: it::alice:",
            "     Reason: liquibase.exception.DatabaseException: ERROR: new row for relation "
            '"quest" violates check constraint "levels"',
            "  Detail: Failing row contains (1, s3cret, 10, 5). [Failed SQL: (0) INSERT INTO quest",
            "VALUES ('s3cret')]",
        ],
        "a.sql::check: it::alice",
        'ERROR: new row for relation "quest" violates check constraint "levels"',
    ),
    "SQL stays out": (
        ["ERROR: syntax error [Failed SQL: (0) CREATE ROLE x PASSWORD", "  's3cret']"],
        "",
        "ERROR: syntax error",
    ),
    "the lock is held": (
        ["Could not acquire change log lock.  Currently locked by ci (10.0.0.1) since 1/6/26"],
        "",
        "Could not acquire change log lock. Currently locked by ci (10.0.0.1) since 1/6/26",
    ),
    "a missing file": (
        ["The file a.sql was not found in the search path:", "    - /srv", "More locations can be"],
        "",
        "The file a.sql was not found in the search path: - /srv More locations can be",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_reason(case: str) -> None:
    message, changeset, reason = CASES[case]
    failure = read_failure(LogRecord("liquibase.integration", message + TRACE))
    assert failure is not None
    assert (failure.changeset, failure.reason) == (changeset, reason)


@pytest.mark.parametrize(
    "record",
    [
        LogRecord("liquibase.integration", ["Starting command execution."]),
        LogRecord("liquibase.changelog", ["ChangeSet a::b::c encountered an exception.", *TRACE]),
    ],
)
def test_other_records_are_no_failure(record: LogRecord) -> None:
    assert read_failure(record) is None
