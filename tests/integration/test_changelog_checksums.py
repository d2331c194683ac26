"""The reader against real Liquibase: the checksums that `changelog-sync` records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from pg_migration_exporter.liquibase.changelog import read_changelog
from testbed.database import Database
from testbed.liquibase import Liquibase
from tests.fixtures.changelogs.files import SQL, YAML, Files, changeset, write, xml
from tests.fixtures.changelogs.generator import Generator
from tests.fixtures.migrations import CHANGELOG

SEEDS = range(40)
#: All the ways in which SQL gets into a changelog.
SPECIAL: Files = {
    "special.xml": xml(
        changeset("plain", "", "<sql>select  1\n, 'é ☃'</sql>")
        + changeset("several", "", '<sql>select 1</sql><sql dbms="h2">x</sql><sql>select 2</sql>')
        + changeset("none", "", '<sql dbms="h2">x</sql>')
        + changeset("empty")
        + changeset("file", "", '<sqlFile path="scripts/utf8.txt"/>')
        + changeset("encoded", "", '<sqlFile path="scripts/latin1.txt" encoding="ISO-8859-1"/>')
        + '<include file="special.yaml"/><include file="special.sql"/><include file="plain.sql"/>'
    ),
    "special.yaml": YAML
    + "- property: {name: special, value: \"of\\tthe 'file'\"}\n"
    + "- changeSet: {id: y1, author: a, changes: [{sql: 'select ${special}'}, {sql: {sql: 7}}]}\n"
    + "- changeSet: {id: y2, author: a, changes: [{sql: {dbms: h2, sql: x}}]}\n",
    "special.sql": f"{SQL}--changeset a:s1\r\nselect\t${{special}};\r\n--comment: no\r\n"
    "--rollback no\n-- yes\n--liquibase formatted sql\n--changeset a:s2 endDelimiter:/\n"
    "select 'a;b'\n/\n--changeset a:s3",
    "plain.sql": "\ufeffselect '${special}';\n-- a comment\n",
    "scripts/utf8.txt": "select 'é';\n${special}\n",
    "scripts/latin1.txt": "select 'é';\n".encode("latin-1"),
}


def test_recorded_checksums(
    tmp_path: Path, database: Database, liquibase: Callable[..., Liquibase]
) -> None:
    roots = ["special.xml", "db.changelog-master.xml", "t/ctx.xml", "t/exec.xml"]
    write(tmp_path, SPECIAL)
    for seed in SEEDS:
        generator = Generator(Random(seed), f"r{seed}")
        roots.append(generator.generate())
        write(tmp_path, generator.files)
    includes = "".join(f'<include file="{root}"/>' for root in roots)
    write(tmp_path, {"all.xml": xml(includes)})
    ours = read_changelog("all.xml", [tmp_path, CHANGELOG], version="4.28.0")
    assert ours.complete, ours.findings

    done = liquibase("all.xml", tmp_path).run(
        "changelog-sync",
        environment={"LC_ALL": "C.UTF-8", "LIQUIBASE_SEARCH_PATH": f"{tmp_path},{CHANGELOG}"},
    )
    assert done.returncode == 0, done.stderr

    recorded = dict(
        database.execute(
            "select concat_ws('::', filename, id, author), md5sum from databasechangelog"
            " order by orderexecuted"
        )
    )
    computed = {
        changeset.identity: changeset.checksum
        for changeset in ours.changesets
        if changeset.checksum
    }
    assert list(recorded) == [changeset.identity for changeset in ours.changesets]
    assert computed == {identity: recorded[identity] for identity in computed}
    assert len(computed) > 150
    assert {f"special.xml::{name}::a" for name in ("plain", "several", "none", "empty")} <= set(
        computed
    )
