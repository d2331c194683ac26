"""Checksums of SQL; an integration test shows that real Liquibase records the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.changelogs.files import SQL, YAML, changeset, read, summary, xml

#: What Liquibase 4.28 records for `select 1`.
SELECT_1 = "9:3b78b9910981c62ca27148640fad7bc2"


def checksum(directory: Path, files: dict[str, str | bytes]) -> str | None:
    return read(directory, files).changesets[0].checksum


@pytest.mark.parametrize(
    "files",
    [
        {"m.xml": xml(changeset("1", "", "<sql>select 1</sql>"))},
        {"m.xml": xml(changeset("1", "", "<sql> <comment>x</comment>sel\n\tect1 </sql>"))},
        {"m.xml": xml(changeset("1", "", '<sql dbms="h2">x</sql><sql>select <![CDATA[1]]></sql>'))},
        {"m.yaml": YAML + "- changeSet: {id: 1, author: a, changes: [{sql: select 1}]}"},
        {"m.yaml": YAML + "- changeSet: {id: 1, author: a, changes: [{sql: {sql: select 1}}]}"},
        {"m.yaml": YAML + "- changeSet: {id: 1, author: a, sql: select 1}"},
        {"m.sql": f"{SQL}--changeset a:1\n\nselect 1\n--rollback x\n"},
        {"m.sql": "select 1\r\n"},
        {
            "m.xml": xml(changeset("1", "", '<sqlFile path="s.txt" encoding="utf-16-le"/>')),
            "s.txt": "\ufeffselect 1\n".encode("utf-16-le"),
        },
        {
            "d/m.xml": xml(
                changeset("1", "", '<sqlFile path="s.sql" relativeToChangelogFile="true"/>')
            ),
            "d/s.sql": "select 1",
        },
    ],
)
def test_the_same_sql_has_the_same_checksum(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    assert checksum(tmp_path, files) == SELECT_1


@pytest.mark.parametrize(
    "content",
    [
        '<tagDatabase tag="x"/>',
        '<sql>select 1</sql><tagDatabase tag="x"/>',
        '<sql>select 1</sql><modifySql><append value="x"/></modifySql>',
        "<sql>select ${x}</sql>",
        '<sqlFile path="m.xml" encoding="x-unknown"/>',
    ],
)
def test_what_liquibase_alone_can_compute_is_not_guessed(tmp_path: Path, content: str) -> None:
    assert checksum(tmp_path, {"m.xml": xml(changeset("1", "", content))}) is None


def test_changes_to_changesets_are_not_followed(tmp_path: Path) -> None:
    body = '<removeChangeSetProperty change="sql" dbms="all" remove="x"/>' + changeset("1")

    assert checksum(tmp_path, {"m.xml": xml(body)}) is None


def test_expressions_in_a_file_stay(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "m.xml": xml(changeset("1", "", '<sqlFile path="s.sql"/>')),
        "s.sql": "select '${x}'",
    }

    assert checksum(tmp_path, files) is not None


def test_accepted_checksums(tmp_path: Path) -> None:
    content = "<validCheckSum>any</validCheckSum><validCheckSum>8:abc</validCheckSum><sql>x</sql>"
    yaml = "- changeSet: {id: 1, author: a, validCheckSum: ['9:1', '9:2']}"

    in_xml = read(tmp_path, {"m.xml": xml(changeset("1", "", content))}).changesets[0]
    in_yaml = read(tmp_path, {"m.yaml": YAML + yaml}).changesets[0]

    assert in_xml.valid_checksums == ("1:any", "8:abc")
    assert in_yaml.valid_checksums == ("9:1", "9:2")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<sql> </sql>", "has no SQL"),
        ('<sqlFile path="none.sql"/>', "none.sql does not exist"),
        ('<sqlFile path="../none.sql"/>', "outside the search path"),
    ],
)
def test_sql_that_is_not_there_is_refused(tmp_path: Path, content: str, message: str) -> None:
    assert message in summary(read(tmp_path, {"m.xml": xml(changeset("1", "", content))}))
