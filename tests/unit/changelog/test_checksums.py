"""Checksums of SQL, as real Liquibase records them."""

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


def in_sql(header: str, *lines: str) -> dict[str, str | bytes]:
    return {"m.sql": "\n".join((SQL.rstrip(), f"--changeset a:{header}", *lines, ""))}


def in_xml(content: str) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {
        "m.xml": xml('<property name="delim" value="GO"/>' + changeset("1", "", content)),
        "s.sql": "select 1;\r\n\r\n\tselect  2;\r\n",
    }
    return files


@pytest.mark.parametrize(
    ("files", "recorded"),
    [
        (in_sql("1", "select 1;"), "07d7d7a28c35b80d36e41424401a2f3e"),
        (
            in_sql(
                *("2 splitStatements:false stripComments:false", "  select   2", "   , 'x   y'  ;"),
                *("", "-- a comment", "select 3 ;", "--rollback select 1;"),
            ),
            "c0e0806157454a93a1e3920ecc765b2e",
        ),
        (
            in_sql("3 endDelimiter:GO", "select 3", "GO", "select 4"),
            "ace363c3031a4ed00fed44a381c6206f",
        ),
        (
            in_sql("5 endDelimiter: stripComments:TRUE", "select 6"),
            "14acdae8dc73d94094039890558cd795",
        ),
        (
            in_sql("6 rollbackSplitStatements:false", "select 7;"),
            "2edebd8445e853f7716c9b0d7057facb",
        ),
        (in_sql("10", "select 10", "/"), "e48ac46ee95986e1b10c4d2c4439e688"),
        (
            {"raw.sql": "\n  create table if not exists rawt (id int);\n  -- c\n  select 1 ;  \n"},
            "6b84ca386fc47e74be8340fc423eab90",
        ),
        (in_xml("<sql>select 1</sql>"), "551a6b5455d661ce7101a063b818ca3e"),
        (
            in_xml('<sql dbms="h2">select junk</sql><sql endDelimiter="">select 2</sql>'),
            "306c27a92a4ce64b1b59f0a2e7eadc8e",
        ),
        (
            in_xml("<sql endDelimiter=\"${delim}\"><comment>no</comment>select '${delim}'</sql>"),
            "a7720680b4315c1703c0f5d66f280e13",
        ),
        (
            in_xml('<sqlFile path="s.sql" splitStatements="true" stripComments="true"/>'),
            "8dab6f192104e6d901edd409f45042ac",
        ),
        (
            in_xml('<sqlFile path="s.sql" encoding="UTF-8" endDelimiter=";"/>'),
            "49118a7223b2613f7c2f7bb2d4cd7c19",
        ),
    ],
)
def test_what_liquibase_4_20_records(
    tmp_path: Path, files: dict[str, str | bytes], recorded: str
) -> None:
    assert read(tmp_path, files).changesets[0].old_checksum == f"8:{recorded}"


@pytest.mark.parametrize(
    "files",
    [
        in_xml('<tagDatabase tag="x"/>'),
        in_xml("<sql>select ${x}</sql>"),
        in_sql("1 endDelimiter:${delim}", "select 1"),
        in_sql("1 runWith:psql", "select 1"),
    ],
)
def test_old_checksums_that_are_not_guessed(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    assert read(tmp_path, files).changesets[0].old_checksum is None


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
