"""Whether a changeset certainly writes when it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pg_migration_exporter.liquibase.changelog.writes import script_writes
from tests.fixtures.changelogs.files import SQL, YAML, changeset, read, xml


@pytest.mark.parametrize(
    "script",
    [
        "create table t (id int)",
        "CREATE OR REPLACE VIEW v AS SELECT 1",
        "create view v as select 1 where x is not distinct from 2; drop table if exists t",
        "\n -- a comment\n/* and **\nanother */ alter table t add x int;",
        "insert into t values (1), (2)",
        "insert into t (a, b)\nvalues (1, 2)",
        "grant select on t to reader",
        "revoke all on t from reader",
        "comment on table t is 'x'",
        "reindex index i",
        "reindex (verbose) index i",
        "refresh materialized view m",
        "truncate t",
    ],
)
def test_these_statements_write(script: str) -> None:
    assert script_writes(script)


@pytest.mark.parametrize(
    "script",
    [
        "",
        "select 1",
        "-- create table t (id int)",
        "/* create",
        "set search_path to x; create table t (id int)",
        "create table if not exists t (id int)",
        "drop table if exists t",
        "drop owned by x",
        "alter system set work_mem = '4MB'",
        "insert into t select * from u",
        "insert into t values (1) on conflict do nothing",
        "insert into t with v as (values (1)) select * from v where false",
        "update t set a = 1",
        "delete from t",
        "grant reader to writer",
        "grant select on all tables in schema s to reader",
        "comment on table t is null",
        "reindex table t",
        "created by nobody",
    ],
)
def test_these_statements_may_write_nothing(script: str) -> None:
    assert not script_writes(script)


@pytest.mark.parametrize(
    ("attributes", "content", "expected"),
    [
        ("", '<dropTable tableName="t"/>', True),
        ("", '<sql>select 1</sql><dropTable tableName="t"/>', True),
        ("", "<sql>drop table t</sql>", True),
        ("", '<sql dbms="h2">drop table t</sql>', False),
        ("", '<sqlFile path="s.sql"/>', True),
        ("", '<delete tableName="t"/>', False),
        ("", '<dropView viewName="v" ifExists="true"/>', False),
        ('failOnError="false"', '<dropTable tableName="t"/>', False),
        ("", '<preConditions onFail="MARK_RAN"/><dropTable tableName="t"/>', False),
    ],
)
def test_changesets_in_xml(tmp_path: Path, attributes: str, content: str, expected: bool) -> None:
    files: dict[str, str | bytes] = {
        "m.xml": xml(changeset("1", attributes, content)),
        "s.sql": "create table t (id int)",
    }
    assert [found.writes for found in read(tmp_path, files).changesets] == [expected]


def test_changesets_in_yaml_and_sql(tmp_path: Path) -> None:
    table = "{createTable: {tableName: t, columns: [{column: {name: id, type: int}}]}}"
    in_yaml = YAML + f"- changeSet: {{id: 1, author: a, changes: [{table}]}}"

    assert read(tmp_path, {"m.yaml": in_yaml}).changesets[0].writes
    assert read(tmp_path, {"m.sql": f"{SQL}--changeset a:1\ndrop table t;\n"}).changesets[0].writes
