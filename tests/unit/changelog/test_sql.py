"""Formatted SQL: which comment lines mean something, and which end the reading."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.fixtures.changelogs.files import SQL, identities, ids, read, summary

HEADERS = {
    "--changeset a:1": "m.sql::1::a",
    "   -- CHANGESET a:1 runAlways:true": "m.sql::1::a",
    '--changeset "my author":"my id"': "m.sql::my id::my author",
    "--changeset 'my':'id'": "m.sql::id::my",
    "--changeset john doe:1": "m.sql::1::john doe",
    "--changeset a:b:c": "m.sql::b:c::a",
    "--changeset  :1": "m.sql::1:: ",
    "--changeset a:1 logicalFilePath:/x/./y.sql": "x/y.sql::1::a",
    "--changeset a:1 logicalFilePath:": "m.sql::1::a",
    "--changeset a:context:prod": "m.sql::context:prod::a",
}
REFUSED = {
    "-changeset a:1": "--changeset",
    "--changeset a: 1": "--changeset",
    "--changeset a:": "--changeset",
    "--changesets of the week": "--changeset",
    "-- property of nobody": "--property",
    "-ignoreLines:1": "--ignoreLines",
    "--ignore:1": "--ignoreLines",
    "--ignoreLines:some": "--ignoreLines",
    "--ignoreLines:start\n-ignoreLines:end": "--ignoreLines:end",
    "--comments: x": "--comment",
    "-comment x": "--comment",
    "-validCheckSum: x": "--validCheckSum",
    "-rollback x": "--rollback",
    "/* liquibase rollback\nselect 1;": "*/",
    "-preconditions x": "--preconditions",
    "--precondition-table-full x": "a known precondition",
    "--precondition-sql-check": "a known precondition",
    "--include file:x.sql": "XML",
    "--includeAll path:x": "XML",
}
NO_SQL = (
    "--comment: x",
    "--  comment x",
    "--rollback drop table t;",
    "  -- rollback drop table t;",
    "/* liquibase rollback\ndrop table t;\n*/",
    "--preconditions onFail:MARK_RAN",
    "--precondition-sql-check expectedResult:0 select 1",
    "--validCheckSum: 9:abc",
    "--ignoreLines:1\nselect 2;",
    "--ignoreLines:start\nselect 2;\n--changeset a:2\n--ignoreLines:end",
    "--property name:x value:y",
)
PLAIN_SQL = (
    "--rollback",
    "-- a comment",
    "--comment",
    " --comment: indented",
    "-- rolling back",
    "--comment: with\u2028a separator",
    "/* liquibase rollback of nothing */",
)


@pytest.mark.parametrize("header", HEADERS)
def test_header(tmp_path: Path, header: str) -> None:
    changelog = read(tmp_path, {"m.sql": f"{SQL}{header}\nselect 1;\n"})

    assert identities(changelog) == [HEADERS[header]]


@pytest.mark.parametrize("line", REFUSED)
def test_refused(tmp_path: Path, line: str) -> None:
    changelog = read(tmp_path, {"m.sql": f"{SQL}--changeset a:1\nselect 1;\n{line}\n"})

    assert "refuses this line" in summary(changelog) or "Liquibase" in summary(changelog)
    assert REFUSED[line] in changelog.findings[0].advice


def test_comments_belong_into_a_changeset(tmp_path: Path) -> None:
    changelog = read(tmp_path, {"m.sql": f"{SQL}--comment: x\n--changeset a:1\nselect 1;"})

    assert (changelog.findings[0].file, changelog.findings[0].line) == ("m.sql", 2)


@pytest.mark.parametrize("lines", NO_SQL)
def test_directives_are_no_sql(tmp_path: Path, lines: str) -> None:
    files = {
        "m.sql": f"{SQL}--changeset a:1\nselect 1;\n{lines}\n--changeset a:3\nselect 1;\n",
    }

    first, third = read(tmp_path, files).changesets

    assert (first.id, third.id) == ("1", "3")
    assert first.checksum == third.checksum


@pytest.mark.parametrize("line", PLAIN_SQL)
def test_other_comments_are_sql(tmp_path: Path, line: str) -> None:
    files = {"m.sql": f"{SQL}--changeset a:1\nselect 1;\n{line}\n--changeset a:3\nselect 1;\n"}

    first, third = read(tmp_path, files).changesets

    assert first.checksum != third.checksum


def test_a_header_counts_inside_a_block_comment_too(tmp_path: Path) -> None:
    text = f"{SQL}--changeset a:1\n/*\n--changeset a:2\n*/\nselect 1;"

    assert ids(read(tmp_path, {"m.sql": text})) == ["1", "2"]


def test_attributes_may_be_quoted_and_the_last_one_counts(tmp_path: Path) -> None:
    header = '--changeset a:1 labels:x LABELS:"v1, v2" context:a contextFilter:"b or c" dbms:,h2,x'

    changeset = read(tmp_path, {"m.sql": f"{SQL}{header}\nselect 1;"}).changesets[0]

    assert changeset.labels == ("v1", "v2")
    assert changeset.contexts == ("b or c",)


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_last_changeset_without_lines_runs_the_sql_before_it(tmp_path: Path, end: str) -> None:
    text = f"{SQL}--changeset a:1\nselect 1;\n--changeset a:2{end}"

    first, second = read(tmp_path, {"m.sql": text}).changesets

    assert first.checksum == second.checksum


def test_directives_of_a_last_changeset_count_without_sql_too(tmp_path: Path) -> None:
    text = f"{SQL}--changeset a:1\nselect 1;\n--changeset a:2\n--validCheckSum: 9:a"

    first, second = read(tmp_path, {"m.sql": text}).changesets

    assert (second.checksum, second.valid_checksums) == (first.checksum, ("9:a",))


@pytest.mark.parametrize(
    "text",
    ["--changeset a:1\n--changeset a:2\nselect 1;", "--changeset a:1\n\n", "--changeset a:1"],
)
def test_a_changeset_needs_sql(tmp_path: Path, text: str) -> None:
    assert "has no SQL" in summary(read(tmp_path, {"m.sql": SQL + text}))


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_script_needs_sql(tmp_path: Path, text: str) -> None:
    assert summary(read(tmp_path, {"m.sql": text})) in {
        "The file is empty.",
        "The changeset has no SQL.",
    }


def test_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    text = f"\ufeff{SQL}--changeset a:1\rselect 1;\r\n--changeset a:2\nselect 1;"

    assert ids(read(tmp_path, {"m.sql": text})) == ["1", "2"]


def test_bytes_that_are_not_text_are_a_condition(tmp_path: Path) -> None:
    text = f"{SQL}--changeset a:1\nselect 'é';\n--changeset a:2\nselect 2;".encode("latin-1")

    unsure = read(tmp_path, {"m.sql": text})
    decoded = read(tmp_path, {"m.sql": text}, encoding="latin-1")

    assert [(finding.severity, finding.line) for finding in unsure.findings] == [("warning", 3)]
    assert [changeset.checksum is None for changeset in unsure.changesets] == [True, False]
    assert decoded.findings == ()


def test_hostile_lines_take_linear_time(tmp_path: Path) -> None:
    long = 200_000
    lines = (
        "--changeset" + " " * long,
        "--changeset a:" + " " * long,
        "--property " + "a:" * long,
        "--property " + " :" * long,
        "--changeset a:1 " + "context:" * (long // 8),
        " " * long + "x",
        "--" + " " * long + "rollback",
    )
    started = time.process_time()

    for line in lines:
        read(tmp_path, {"m.sql": f"{SQL}{line}\nselect 1;"})

    assert time.process_time() - started < 2
