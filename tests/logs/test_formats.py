"""The three formats, as a real server wrote them, agree entry by entry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import cache

import pytest

from pg_migration_exporter.logs.formats import FormatName
from pg_migration_exporter.logs.onigmo import compile_onigmo
from tests.fixtures.fluent_bit import (
    IN_EVERY_FORMAT,
    KEEP_ALL,
    LoggingServer,
    known_formats,
    log_values,
)
from tests.logs.onigmo_pipeline import Document, Pattern, Pipeline
from tests.logs.scenario import HOSTILE_APPLICATIONS, HOSTILE_DATABASE, HOSTILE_USERS

#: What the text format does not have at all, or numbers in a way of its own.
_NOT_IN_TEXT = {
    *("backend_type", "remote_host", "remote_port", "session_start", "ps", "vxid", "txid"),
    *("query_id", "leader_pid", "line_num"),
}


Documents = Callable[[FormatName], list[Document]]


@pytest.fixture(scope="module")
def documents(logging_server: LoggingServer) -> Documents:
    """All entries of the scenario, in one format."""
    values = log_values(KEEP_ALL)
    return cache(
        lambda name: Pipeline(values, name).documents(logging_server.log(name).read_text())
    )


def by_process(found: list[Document]) -> dict[int, list[Document]]:
    """Entries of each process in their order: between processes, files may differ."""
    grouped = defaultdict(list)
    for document in found:
        grouped[document["pid"]].append(document)
    return grouped


def in_text(document: Document) -> Document:
    """What the text format has of an entry."""
    return {field: value for field, value in document.items() if field not in _NOT_IN_TEXT}


@IN_EVERY_FORMAT
def test_every_entry_is_understood(documents: Documents, name: FormatName) -> None:
    found = documents(name)
    assert len(found) > 60
    assert [document for document in found if document["level"] == "UNPARSED"] == []


@pytest.mark.parametrize("name", known_formats()[:-1])
def test_text_agrees_with_the_structured_formats(documents: Documents, name: FormatName) -> None:
    text = by_process(documents("stderr"))
    structured = by_process(documents(name))
    assert text.keys() == structured.keys()
    for pid, entries in structured.items():
        assert [in_text(entry) for entry in entries] == [in_text(entry) for entry in text[pid]]


@pytest.mark.pg(">= 15")
def test_csv_and_json_agree_in_every_field(documents: Documents) -> None:
    csv = by_process(documents("csvlog"))
    assert csv == by_process(documents("jsonlog"))


@pytest.mark.parametrize("name", ["csvlog", "stderr"])
def test_python_finds_what_oniguruma_finds(logging_server: LoggingServer, name: FormatName) -> None:
    """On each line, and on each entry, with each rule."""
    pipeline = Pipeline(logging_server.values, name)
    rules = logging_server.formats[name]
    text = logging_server.log(name).read_text()
    for pattern in filter(None, (rules.start, rules.continuation)):
        theirs, ours = Pattern(pattern), compile_onigmo(pattern)
        for line in text.splitlines():
            assert theirs.matches(line) == (ours.search(line) is not None), line
    assert rules.entry
    theirs, ours = Pattern(rules.entry), compile_onigmo(rules.entry)
    for entry in pipeline.entries(text):
        match = ours.search(entry)
        assert match
        groups = {field: found for field, found in match.groupdict().items() if found}
        assert theirs.groups(entry) == groups


@IN_EVERY_FORMAT
def test_difficult_names_are_what_the_server_took_them_for(
    logging_server: LoggingServer, documents: Documents, name: FormatName
) -> None:
    found = documents(name)
    refused = [entry for entry in found if entry["message"] == "division by zero"]
    sent = [entry for entry in refused if "application_name" in entry]
    database = logging_server.server.database()
    taken = [
        database.execute("SHOW application_name", application_name=text)[0][0]
        for text in HOSTILE_APPLICATIONS
    ]
    assert [entry["application_name"] for entry in sent] == taken
    assert {entry["level"] for entry in sent} == {"ERROR"}
    assert {entry["statement"] for entry in sent} == {"SELECT 1/0"}
    assert HOSTILE_DATABASE in {entry.get("db") for entry in found}
    assert set(HOSTILE_USERS) <= {entry.get("user") for entry in found if entry["level"] == "FATAL"}


@IN_EVERY_FORMAT
def test_parts_of_an_error_are_told_apart(documents: Documents, name: FormatName) -> None:
    found = documents(name)
    [error] = [entry for entry in found if entry["sqlstate"] == "ZZ001"]
    assert error["message"] == "two\nlines"
    assert error["detail"] == "of\n\tdetail"
    assert error["hint"] == "and\n of hints"
    assert error["context"] == "PL/pgSQL function inline_code_block line 1 at RAISE"
    assert error["statement"].startswith("DO $$ BEGIN RAISE EXCEPTION 'two\nlines' USING")
    [inner] = [entry for entry in found if entry.get("internal_query", "").startswith("SELECT non")]
    assert (inner["sqlstate"], inner["internal_position"]) == ("42601", 21)
    [outer] = [entry for entry in found if '"nowhere" does not' in entry["message"]][:1]
    assert outer["statement"] == "SELECT 1,\n\t'two', \"x\"\n\n FROM nowhere"
    assert outer["cursor_position"] == 30


@IN_EVERY_FORMAT
def test_a_long_statement_is_whole(documents: Documents, name: FormatName) -> None:
    statements = (entry.get("statement", "") for entry in documents(name))
    assert "SELECT '" + "long, " * 20_000 + "'::int" in statements


@IN_EVERY_FORMAT
def test_what_happened_is_recognized(documents: Documents, name: FormatName) -> None:
    found = documents(name)
    events = {entry.get("event") for entry in found}
    assert events >= {"lock_wait", "lock_acquired", "deadlock", "checkpoint", "statement"}
    assert events & {"autovacuum", "autoanalyze"}
    ddl = [entry["message"] for entry in found if entry.get("event") == "statement"]
    assert "statement: CREATE INDEX ON watched (t)" in ddl
    assert {"28P01", "3D000"} <= {e["sqlstate"] for e in found if e["level"] == "FATAL"}
    assert any(entry.get("timed") == "query" for entry in found)
    migration = [entry for entry in found if entry.get("migration")]
    assert {entry["application_name"] for entry in migration} == {"liquibase"}
    assert "ERROR" in {entry["level"] for entry in migration}
