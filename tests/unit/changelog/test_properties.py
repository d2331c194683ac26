"""Where `${name}` gets its value from."""

from __future__ import annotations

from pathlib import Path

import pytest

from pg_migration_exporter.liquibase.changelog import property_file
from tests.fixtures.changelogs.files import SQL, YAML, changeset, ids, read, summary, xml


def prop(name: str, value: str, attributes: str = "") -> str:
    return f'<property name="{name}" value="{value}" {attributes}/>\n'


EXPANDED = {
    "plain": (prop("x", "1") + changeset("${x}"), "1"),
    "any case, blanks": (prop("X", "1") + changeset("${ x }"), "1"),
    "first wins": (prop("x", "1") + prop("x", "2") + changeset("${x}"), "1"),
    "undefined stays": (changeset("${x}"), "${x}"),
    "unclosed stays": (prop("x", "1") + changeset("${x"), "${x"),
    "in itself": (prop("x", "y") + prop("y", "1") + changeset("${${x}}"), "1"),
    "undefined inside": (changeset("${${x}}"), "${x}"),
    "of others": (prop("y", "1") + prop("x", "${y}2") + changeset("${x}"), "12"),
    "of a later one": (prop("x", "${y}2") + prop("y", "1") + changeset("${x}"), "12"),
    "dollars": (prop("x", "1") + changeset("$${x}$ {x}}"), "$1$ {x}}"),
    "local after global": (
        prop("x", "1", 'global="false"') + prop("x", "2") + changeset("${x}"),
        "2",
    ),
    "last local": (
        prop("x", "1", 'global="false"') + prop("x", "2", 'global="false"') + changeset("${x}"),
        "2",
    ),
    "of the database": (changeset("${database.typeName}"), "postgresql"),
    "other database": (prop("x", "1", 'dbms="h2"') + prop("x", "2") + changeset("${x}"), "2"),
    "other context": (prop("x", "1", 'context="dev"') + prop("x", "2") + changeset("${x}"), "2"),
    "other label": (prop("x", "1", 'labels="v2"') + prop("x", "2") + changeset("${x}"), "2"),
}


@pytest.mark.parametrize("case", EXPANDED)
def test_expanded(tmp_path: Path, case: str) -> None:
    body, expected = EXPANDED[case]

    changelog = read(tmp_path, {"m.xml": xml(body)}, contexts="prod", labels="v1")

    assert ids(changelog) == [expected]


def test_what_is_given_wins(tmp_path: Path) -> None:
    files = {"m.xml": xml(prop("x", "file") + changeset("${X}-${user.name}"))}

    changelog = read(tmp_path, files, properties={"x": "given", "user.name": "me"})

    assert ids(changelog) == ["given-me"]
    assert changelog.findings == ()


def test_globals_reach_later_files_and_locals_do_not(tmp_path: Path) -> None:
    body = prop("g", "G") + prop("l", "L", 'global="false"') + '<include file="c.sql"/>'
    files = {"m.xml": xml(body), "c.sql": f"{SQL}--changeset a:${{g}}${{l}}\nselect 1;"}

    assert ids(read(tmp_path, files)) == ["G${l}"]
    assert ids(read(tmp_path, files, version="4.33.0")) == ["GL"]


def test_yaml_sees_properties_that_come_later(tmp_path: Path) -> None:
    body = "- changeSet: {id: '${x}', author: a}\n- property: {name: x, value: 010}\n"

    assert ids(read(tmp_path, {"m.yaml": YAML + body})) == ["8"]


def test_yaml_ignores_the_context_filter_of_properties(tmp_path: Path) -> None:
    body = (
        "- property: {name: x, value: v, contextFilter: dev}\n- changeSet: {id: '${x}', author: a}"
    )

    assert ids(read(tmp_path, {"m.yaml": YAML + body}, contexts="prod")) == ["v"]


def test_sql_expands_a_body_where_the_next_changeset_begins(tmp_path: Path) -> None:
    text = (
        f"{SQL}--changeset a:1-${{x}}\nselect '${{x}}';\n--property name:x value:v\n"
        "--changeset a:2-${x}\nselect 'v';"
    )

    first, second = read(tmp_path, {"m.sql": text}).changesets

    assert (first.id, second.id) == ("1-${x}", "2-v")
    assert first.checksum == second.checksum


@pytest.mark.parametrize(
    "body",
    [
        prop("x", "${x}"),
        prop("x", "${y}") + prop("y", "${x}"),
        "".join(prop(f"x{n}", f"${{x{n + 1}}}" * 10) for n in range(30)) + prop("x", "${x0}"),
    ],
)
def test_circles_and_growth_end(tmp_path: Path, body: str) -> None:
    assert "contains itself, or grows" in summary(
        read(tmp_path, {"m.xml": xml(body + changeset("${x}"))})
    )


def test_what_only_a_run_knows_is_an_error_in_an_identity(tmp_path: Path) -> None:
    body = changeset("${user.name}")

    assert "user.name has no value" in summary(read(tmp_path, {"m.xml": xml(body)}))


def test_what_is_not_defined_is_a_condition_and_said_once(tmp_path: Path) -> None:
    body = changeset("1-${x}") + changeset("2-${x}") + changeset("3", 'context="${x}"')

    changelog = read(tmp_path, {"m.xml": xml(body)})

    assert ids(changelog) == ["1-${x}", "2-${x}", "3"]
    assert [(finding.severity, finding.line) for finding in changelog.findings] == [("warning", 3)]


def test_a_name_that_the_environment_hides_is_a_condition(tmp_path: Path) -> None:
    changelog = read(tmp_path, {"m.xml": xml(prop("home", "x") + changeset("${home}"))})

    assert ids(changelog) == ["x"]
    assert "HOME hides the property home" in changelog.findings[0].summary


def test_property_files(tmp_path: Path) -> None:
    body = (
        '<property file="p/x.properties"/><property file="../p/y.properties"'
        ' relativeToChangelogFile="true"/><property file="none" errorIfMissing="false"/>'
    )
    files = {
        "c/m.xml": xml(body + changeset("${x}${y}")),
        "p/x.properties": "x = X",
        "p/y.properties": "y:Y",
    }

    assert ids(read(tmp_path, files)) == ["XY"]


def test_a_missing_property_file_is_refused(tmp_path: Path) -> None:
    assert "none does not exist" in summary(
        read(tmp_path, {"m.xml": xml('<property file="none"/>')})
    )


def test_java_properties() -> None:
    text = (
        "# comment\n! comment\n\n  a=1\nb : 2\r\nc 3\rd\ne = \\\n   con\\\n tinued\n"
        "f\\=g\\ h=\\t\\u00e9\\\\\ni=\\\n# no comment\nä=ö\na=last\nj==k\n"
    )

    assert property_file.parse(text.encode("latin-1")) == {
        "a": "last",
        "b": "2",
        "c": "3",
        "d": "",
        "e": "continued",
        "f=g h": "\té\\",
        "i": "# no comment",
        "ä": "ö",
        "j": "=k",
    }


def test_half_a_character_is_none(tmp_path: Path) -> None:
    files = {
        "m.xml": xml('<property file="p"/>' + changeset("${x}${y}")),
        "p": "x=\\ud83d\\ude00\ny=\\ud83d",
    }

    assert ids(read(tmp_path, files)) == ["😀\ufffd"]


def test_a_broken_escape_is_refused(tmp_path: Path) -> None:
    files = {"m.xml": xml('<property file="p"/>'), "p": "x=\\u12"}

    assert "four hexadecimal digits" in summary(read(tmp_path, files))
