"""Which changesets of a changelog a run is about, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from pg_migration_exporter.liquibase.changelog import ExpectedChangeset
from tests.fixtures.changelogs.files import YAML, changeset, ids, read, summary, xml


def test_filters_of_everything_around_hold(tmp_path: Path) -> None:
    files = {
        "m.xml": xml('<include file="c.xml" context="a"/>', 'contextFilter="b"'),
        "c.xml": xml(changeset("1", 'context="c"') + changeset("2"), 'context="d"'),
    }

    found = {
        contexts: ids(read(tmp_path, files, contexts=contexts))
        for contexts in (None, "a,b,c,d", "a,b,d", "a,b,c", "b,c,d", "a,c,d")
    }

    assert found == {
        None: ["1", "2"],
        "a,b,c,d": ["1", "2"],
        "a,b,d": ["2"],
        "a,b,c": [],
        "b,c,d": [],
        "a,c,d": [],
    }


def test_the_answer_has_the_filters(tmp_path: Path) -> None:
    files = {
        "m.xml": xml('<include file="c.xml" context="a" labels="x, Y"/>'),
        "c.xml": xml(changeset("1", 'context="c or d" labels="z"')),
    }

    included = read(tmp_path, files).changesets[0]

    assert (included.contexts, included.labels) == (("c or d", "a"), ("z", "x", "y"))


def test_an_expression_that_cannot_be_evaluated_is_an_error(tmp_path: Path) -> None:
    body = changeset("1") + changeset("2", 'context="(a, b) and c"')

    changelog = read(tmp_path, {"m.xml": xml(body)}, contexts="a")

    assert "cannot evaluate" in summary(changelog)
    assert changelog.findings[0].line == 4


def test_run_order_reaches_through_includes(tmp_path: Path) -> None:
    files = {
        "m.xml": xml(changeset("1") + '<include file="c.xml"/>' + changeset("2")),
        "c.xml": xml(
            changeset("last", 'runOrder="last"')
            + changeset("3")
            + changeset("first", 'runOrder="first"')
            + changeset("first 2", 'runOrder="first"')
            + changeset("last 2", 'runOrder="last"')
        ),
    }

    assert ids(read(tmp_path, files)) == ["first", "first 2", "1", "3", "2", "last", "last 2"]


def test_an_unknown_run_order_is_refused(tmp_path: Path) -> None:
    assert "runOrder 'second'" in summary(
        read(tmp_path, {"m.xml": xml(changeset("1", 'runOrder="second"'))})
    )


def test_ignored_changesets_are_left_out(tmp_path: Path) -> None:
    files = {
        "m.xml": xml(changeset("1", 'ignore="true"') + '<include file="c.xml" ignore="true"/>'),
        "c.xml": xml(changeset("2") + '<include file="d.xml"/>'),
        "d.xml": xml(changeset("3")),
    }

    # Liquibase's own: an include ignores the file's changesets, not those that it includes.
    assert ids(read(tmp_path, files)) == ["3"]


@pytest.mark.parametrize(
    ("second", "clash"),
    [
        (changeset("1"), True),
        (changeset("1", 'logicalFilePath="other"'), False),
        (changeset("1", 'context="b"'), False),
        (changeset("1", 'dbms="h2"'), False),
        (changeset("1", 'ignore="true"'), False),
    ],
)
def test_an_identity_may_be_there_once(tmp_path: Path, second: str, clash: bool) -> None:
    changelog = read(tmp_path, {"m.xml": xml(changeset("1") + second)}, contexts="a")

    assert [finding.severity for finding in changelog.findings] == (["error"] if clash else [])


def test_an_empty_id_is_refused(tmp_path: Path) -> None:
    assert "has no id" in summary(read(tmp_path, {"m.xml": xml(changeset(""))}))


def test_an_unknown_database_is_a_condition(tmp_path: Path) -> None:
    body = changeset("1", 'dbms="postgresql, redshift"') + changeset("2", 'dbms="redshift"')

    changelog = read(tmp_path, {"m.xml": xml(body)})

    assert ids(changelog) == ["1"]
    assert [finding.line for finding in changelog.findings] == [3]


@pytest.mark.parametrize(
    ("attributes", "content", "expected"),
    [
        ('failOnError="false"', "", True),
        ('failOnError="true"', "", False),
        ("", '<preConditions onFail="CONTINUE"><dbms type="h2"/></preConditions>', True),
        ("", '<preConditions onError="CONTINUE"><dbms type="h2"/></preConditions>', True),
        ("", '<preConditions onFail="MARK_RAN"><dbms type="h2"/></preConditions>', False),
    ],
)
def test_what_a_good_run_may_leave_without_a_row(
    tmp_path: Path, attributes: str, content: str, expected: bool
) -> None:
    body = changeset("1", attributes, f"{content}<sql>x</sql>")

    assert read(tmp_path, {"m.xml": xml(body)}).changesets[0].may_leave_no_row is expected


def test_formatted_sql_says_it_as_well(tmp_path: Path) -> None:
    text = (
        "--liquibase formatted sql\n--changeset a:1 failOnError:false runOnChange:TRUE\nselect 1;\n"
        "--changeset a:2 runAlways:true\n--preconditions onError:HALT onFail:CONTINUE\n"
        "--precondition-sql-check expectedResult:1 select 1\nselect 1;"
    )

    first, second = read(tmp_path, {"m.sql": text}).changesets

    assert (first.may_leave_no_row, first.run_on_change, first.run_always) == (True, True, False)
    assert (second.may_leave_no_row, second.run_on_change, second.run_always) == (True, False, True)


def test_yaml_booleans_and_texts(tmp_path: Path) -> None:
    body = (
        "- changeSet: {id: 1, author: a, runAlways: yes, runOnChange: 'true', ignore: 'no'}\n"
        "- changeSet: {id: 2, author: a, ignore: on}\n"
    )

    changelog = read(tmp_path, {"m.yaml": YAML + body})

    assert [
        (changeset.id, changeset.run_always, changeset.run_on_change)
        for changeset in changelog.changesets
    ] == [("1", True, True)]


@pytest.mark.parametrize(
    ("computed", "valid", "stored", "accepted"),
    [
        ("9:a", (), "9:a", True),
        ("9:a", (), "9:b", False),
        ("9:a", (), None, True),
        ("9:a", (), "8:a", True),
        ("9:a", (), "8:b", False),
        ("9:a", ("8:a",), "8:b", True),
        ("9:a", (), "7:a", None),
        (None, (), "8:b", None),
        (None, (), "9:b", None),
        ("9:a", ("9:b",), "9:b", True),
        ("9:a", ("9:a",), "9:b", True),
        ("9:a", ("8:b",), "8:b", True),
        ("9:a", ("1:ANY",), "9:b", True),
        ("9:a", ("1:1:any",), "9:b", False),
    ],
)
def test_stored_checksums(
    computed: str | None, valid: tuple[str, ...], stored: str | None, accepted: bool | None
) -> None:
    old = computed and "8:a"
    changeset = ExpectedChangeset("p", "i", "a", "f", 1, computed, valid, old_checksum=old)

    assert changeset.accepts(stored) is accepted
