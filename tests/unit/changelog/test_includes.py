"""Which files an include and an includeAll bring, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from pg_migration_exporter.liquibase.changelog import read_changelog
from tests.fixtures.changelogs.files import (
    SQL,
    YAML,
    changeset,
    identities,
    ids,
    read,
    summary,
    write,
    xml,
)


def sql(identity: str) -> str:
    return f"{SQL}--changeset a:{identity}\nselect 1;\n"


TREE = {
    "d/10.sql": sql("10"),
    "d/9.sql": sql("9"),
    "d/B/y.sql": sql("B/y"),
    "d/Z.sql": sql("Z"),
    "d/_u.sql": sql("_u"),
    "d/a.xml": xml(changeset("a")),
    "d/a/b/c.yaml": YAML + "- changeSet: {id: a/b/c, author: a}",
    "d/ﬀ.sql": sql("BMP"),
    "d/😀.sql": sql("astral"),
    "d/README.md": "#",
    "d/x.sql.bak": "?",
    "d/fooxml": xml(changeset("fooxml")),
}
SORTED = ["10", "9", "B/y", "Z", "_u", "a", "a/b/c", "fooxml", "astral", "BMP"]
INCLUDE_ALL = {
    'path="d"': SORTED,
    'path="/d/"': SORTED,
    'path="file:/d"': SORTED,
    'path="d" maxDepth="1"': ["10", "9", "Z", "_u", "a", "fooxml", "astral", "BMP"],
    'path="d" minDepth="2"': ["B/y", "a/b/c"],
    'path="d" minDepth="3" maxDepth="3"': ["a/b/c"],
    'path="d" endsWithFilter=" .SQL "': ["10", "9", "B/y", "Z", "_u", "astral", "BMP"],
    'path="none" errorIfMissingOrEmpty="false"': [],
}


@pytest.mark.parametrize("attributes", INCLUDE_ALL)
def test_include_all(tmp_path: Path, attributes: str) -> None:
    changelog = read(tmp_path, {"m.xml": xml(f"<includeAll {attributes}/>"), **TREE})

    assert ids(changelog) == INCLUDE_ALL[attributes]


@pytest.mark.parametrize(
    "include",
    [
        'file="s/c.sql"',
        'file="/s/c.sql"',
        'file="./s/../s//c.sql"',
        'file="s\\c.sql"',
        'file="c.sql" relativeToChangelogFile="true"',
        'file="../s/c.sql" relativeToChangelogFile="true"',
        'file="/c.sql" relativeToChangelogFile="true"',
    ],
)
def test_include(tmp_path: Path, include: str) -> None:
    files = {"s/m.xml": xml(f"<include {include}/>"), "s/c.sql": sql("1")}

    assert identities(read(tmp_path, files)) == ["s/c.sql::1::a"]


REFUSED = {
    '<include file="none.sql"/>': "none.sql does not exist",
    '<include file="README.md"/>': "does not have the name of a changelog",
    '<include file="m.xml"/>': "includes itself",
    '<include file="loop.xml"/>': "includes itself",
    '<include file="d.xml"/>': "not a regular file",
    '<includeAll path="none"/>': "finds no file",
    '<includeAll path="README.md"/>': "finds no file",
    '<includeAll path="d.xml" filter="com.example.Filter"/>': "a Java class decides",
    '<includeAll path="d.xml" resourceComparator="com.example.C"/>': "a Java class decides",
    '<includeAll path="d.xml" minDepth="3" maxDepth="2"/>': "leave no depth",
    '<includeAll path="d.xml" minDepth="x"/>': "not a number",
    '<includeAll path="again"/>': "again/ includes itself",
}


@pytest.mark.parametrize("body", REFUSED)
def test_refused(tmp_path: Path, body: str) -> None:
    files = {
        "m.xml": xml(body),
        "loop.xml": xml('<include file="./loop.xml"/>'),
        "d.xml/x.sql": sql("1"),
        "again/m.xml": xml(
            '<includeAll path="again" maxDepth="0" errorIfMissingOrEmpty="false"/>'
            '<include file="again2/m.xml"/>'
        ),
        "again2/m.xml": xml(
            '<includeAll path="again" minDepth="2" errorIfMissingOrEmpty="false"/>'
        ),
        "README.md": "#",
    }

    assert REFUSED[body] in summary(read(tmp_path, files))


def test_a_missing_include_may_be_allowed(tmp_path: Path) -> None:
    body = '<include file="none.sql" errorIfMissing="false"/>' + changeset("1")

    assert ids(read(tmp_path, {"m.xml": xml(body)})) == ["1"]


def test_includes_end(tmp_path: Path) -> None:
    files = {
        f"{n}.xml": xml(f'<include file="{n + 1}.xml"/>' * 10 + changeset(str(n)))
        for n in range(12)
    }
    files["12.xml"] = xml("")

    changelog = read(tmp_path, files)

    assert not changelog.complete
    assert "too many" in changelog.findings[-1].summary


def test_a_search_path_has_several_roots(tmp_path: Path) -> None:
    one = write(tmp_path / "one", {"m.xml": xml('<includeAll path="d"/>'), "d/b.sql": sql("b")})
    two = write(tmp_path / "two", {"d/a.sql": sql("a")})

    assert ids(read_changelog("m.xml", [one, two])) == ["a", "b"]
    assert ids(read_changelog("m.xml", [one, one])) == ["b"]


def test_a_file_in_two_roots_is_refused(tmp_path: Path) -> None:
    one = write(tmp_path / "one", {"m.xml": xml('<include file="a.sql"/>'), "a.sql": sql("a")})
    two = write(tmp_path / "two", {"a.sql": sql("a")})

    assert "more than once" in summary(read_changelog("m.xml", [one, two]))


def test_logical_paths(tmp_path: Path) -> None:
    files = {
        "s/m.xml": xml(
            changeset("1")
            + changeset("2", 'logicalFilePath="/own\\x.xml"')
            + '<include file="s/c.yaml"/><include file="s/c.sql"/>',
            'logicalFilePath="/l/m.xml"',
        ),
        "s/c.yaml": YAML + "- logicalFilePath: 010\n- changeSet: {id: 3, author: a}",
        "s/c.sql": "--liquibase formatted sql logicalFilePath:./c\n--changeset a:4\nselect 1;",
    }

    assert identities(read(tmp_path, files)) == [
        "l/m.xml::1::a",
        "own/x.xml::2::a",
        "8::3::a",
        "c::4::a",
    ]


def test_the_path_of_an_include_depends_on_the_version(tmp_path: Path) -> None:
    files = {
        "m.xml": xml(
            '<include file="c.xml"/><include file="d.xml" logicalFilePath="i"/>',
            'logicalFilePath="m"',
        ),
        "c.xml": xml(changeset("1")),
        "d.xml": xml(changeset("2")),
    }

    def paths(version: str) -> list[str]:
        return [changeset.path for changeset in read(tmp_path, files, version=version).changesets]

    assert paths("4.28.0") == ["c.xml", "d.xml"]
    assert paths("4.29.3") == ["c.xml", "i"]
    assert paths("4.31.1") == ["m", "m"]
    assert paths("5.0.2") == ["m", "i"]
    assert read(tmp_path, files, version="5.0.2").changesets[0].other_paths == ("c.xml",)


def test_scripts_are_named_by_their_path_for_a_while(tmp_path: Path) -> None:
    files = {"d/a.sql": "select 1;"}

    found = {v: ids(read(tmp_path, files, version=v)) for v in ("4.28.0", "4.30.0", "5.0.1")}

    assert found == {"4.28.0": ["raw"], "4.30.0": ["raw_d_a.sql"], "5.0.1": ["raw"]}


def test_a_version_that_was_not_given_is_a_condition_where_it_matters(tmp_path: Path) -> None:
    plain = {"m.xml": xml('<include file="c.xml"/>'), "c.xml": xml(changeset("1"))}
    named = {"m.xml": xml('<include file="c.xml"/>', 'logicalFilePath="l"')}

    assert read(tmp_path, plain, version=None).findings == ()
    other = read(tmp_path, named, version=None).findings
    assert [(finding.severity, finding.file, finding.line) for finding in other] == [
        ("warning", "c.xml", 3)
    ]
    unknown = read(tmp_path, plain, version="newest").findings
    assert ["is not a version" in finding.summary for finding in unknown] == [True]


def test_modify_change_sets_changes_no_identity(tmp_path: Path) -> None:
    body = '<modifyChangeSets runWith="psql"><include file="c.sql"/></modifyChangeSets>'

    assert ids(read(tmp_path, {"m.xml": xml(body), "c.sql": sql("1")})) == ["1"]
