"""Changelog files against a history: pending, unexpected, drifted, or not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from pg_migration_exporter.config.schema import ChangelogSection
from pg_migration_exporter.liquibase.changelog import read_changelog
from pg_migration_exporter.liquibase.state.changelog_files import files_for
from pg_migration_exporter.liquibase.state.comparison import combine, compare_changesets
from pg_migration_exporter.liquibase.state.seen_contents import SeenContents

SQL = """--liquibase formatted sql
--changeset me:one
select 1;
--changeset me:two
select 2;
--changeset me:always runAlways:true
select 3;
--changeset me:lenient failOnError:false
select 4;
"""


@pytest.fixture
def changelog(tmp_path: Path) -> Path:
    (tmp_path / "a.sql").write_text(SQL)
    return tmp_path


def recorded(changelog: Path, *names: str) -> dict[str, str | None]:
    """A history of these changesets, with the checksums that the files have now."""
    known = {
        changeset.identity: changeset.checksum
        for changeset in read_changelog("a.sql", [changelog]).changesets
    }
    return {f"a.sql::{name}::me": known.get(f"a.sql::{name}::me") for name in names}


def test_pending_leaves_out_what_may_have_no_row(changelog: Path) -> None:
    expected = compare_changesets(read_changelog("a.sql", [changelog]), recorded(changelog, "one"))
    assert expected.pending == ("a.sql::two::me",)
    assert expected.unexpected == ()
    assert expected.drifted == ()


def test_everything_has_run(changelog: Path) -> None:
    history = recorded(changelog, "one", "two", "always", "lenient")
    expected = compare_changesets(read_changelog("a.sql", [changelog]), history)
    assert (expected.pending, expected.unexpected, expected.drifted) == ((), (), ())


def test_unexpected_and_drifted(changelog: Path) -> None:
    history = recorded(changelog, "one", "two", "gone")
    (changelog / "a.sql").write_text(SQL.replace("select 2", "select 22"))
    expected = compare_changesets(read_changelog("a.sql", [changelog]), history)
    assert expected.unexpected == ("a.sql::gone::me",)
    assert expected.drifted == ("a.sql::two::me",)


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    expected = compare_changesets(read_changelog("missing.sql", [tmp_path]), {})
    assert expected.unreadable is not None
    assert "missing.sql" in expected.unreadable
    assert expected.pending == ()


def test_a_changed_changeset_runs_again_or_drifts(tmp_path: Path) -> None:
    text = SQL.replace("me:two", "me:two runOnChange:true")
    (tmp_path / "a.sql").write_text(text)
    history = recorded(tmp_path, "one", "two", "always", "lenient")
    (tmp_path / "a.sql").write_text(text.replace("select 2", "select 22"))
    expected = compare_changesets(read_changelog("a.sql", [tmp_path]), history)
    assert expected.pending == ("a.sql::two::me",)
    assert expected.rerun == ("a.sql::two::me", "a.sql::always::me")
    assert expected.drifted == ()


def test_what_is_left_out_now_is_not_unexpected(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(
        "--liquibase formatted sql\n"
        "--changeset me:context context:test\nselect 1;\n"
        "--changeset me:label labels:slow\nselect 1;\n"
        "--changeset me:dbms dbms:h2\nselect 1;\n"
        "--changeset me:ignored ignore:true\nselect 1;\n"
    )
    names = [f"a.sql::{name}::me" for name in ("context", "label", "dbms", "ignored", "gone")]
    history: dict[str, str | None] = dict.fromkeys(names)
    changelog = read_changelog("a.sql", [tmp_path], contexts="prod", labels="fast")

    assert compare_changesets(changelog, history).unexpected == ("a.sql::gone::me",)


def test_rows_of_liquibase_itself_are_not_unexpected(changelog: Path) -> None:
    history: dict[str, str | None] = {"liquibase-internal::1764566400000::liquibase": None}

    assert not compare_changesets(read_changelog("a.sql", [changelog]), history).unexpected


def test_several_roots_for_one_history(changelog: Path) -> None:
    (changelog / "b.sql").write_text(SQL)
    roots = [read_changelog(name, [changelog]) for name in ("b.sql", "a.sql", "b.sql")]
    history = recorded(changelog, "one") | {"b.sql::one::me": None}
    expected = compare_changesets(combine(roots), history)

    assert expected.pending == ("b.sql::two::me", "a.sql::two::me")
    assert expected.unexpected == ()


def test_one_root_of_several_that_cannot_be_read(changelog: Path) -> None:
    roots = [read_changelog(name, [changelog]) for name in ("a.sql", "missing.sql")]

    assert "missing.sql" in (compare_changesets(combine(roots), {}).unreadable or "")


@pytest.mark.parametrize(
    ("path", "in_history", "in_files"),
    [
        ("app/db/a.sql", "app/", ""),
        ("a.sql", "", "db/"),
        ("liquibase/a.sql", "liquibase/", "db/"),
        ("other.sql", None, None),
    ],
)
def test_changesets_that_ran_from_another_root(
    tmp_path: Path, path: str, in_history: str | None, in_files: str | None
) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "db/a.sql").write_text(SQL)
    found = compare_changesets(
        read_changelog("db/a.sql", [tmp_path]), {f"{path}::one::me": None, "a.sql::gone::me": None}
    )
    assert found.pending == ("db/a.sql::one::me", "db/a.sql::two::me")
    if in_history is None:
        assert found.other_paths is None
    else:
        assert found.other_paths is not None
        assert found.other_paths.changesets == {"db/a.sql::one::me"}
        assert (found.other_paths.in_history, found.other_paths.in_files) == (in_history, in_files)


def test_a_checksum_that_only_liquibase_can_compare(changelog: Path) -> None:
    history = recorded(changelog, "one", "two") | {"a.sql::two::me": "7:0123"}

    assert compare_changesets(read_changelog("a.sql", [changelog]), history).unchecked == 1


XML = """<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.liquibase.org/xml/ns/dbchangelog
  http://www.liquibase.org/xml/ns/dbchangelog/dbchangelog-latest.xsd">
<changeSet id="view" author="me" runOnChange="true">{}</changeSet></databaseChangeLog>"""
YAML = """databaseChangeLog:
- changeSet:
    id: view
    author: me
    runOnChange: true
{}"""
XML_VIEW = '<createView viewName="v">select 1</createView>'
YAML_VIEW = """    changes:
    - createView:
        viewName: v
        selectQuery: select 1
"""


@pytest.mark.parametrize(
    ("file", "before", "after", "is_edited"),
    [
        ("a.xml", XML_VIEW, XML_VIEW.replace("select 1", "\n  select   1 "), False),
        ("a.xml", XML_VIEW, f"<comment>new</comment>{XML_VIEW}", False),
        ("a.xml", XML_VIEW, XML_VIEW.replace("select 1", "select 2"), True),
        ("a.xml", XML_VIEW, XML_VIEW.replace('"v"', '"w"'), True),
        ("a.yaml", YAML_VIEW, YAML_VIEW.replace("select 1", "'select 1'"), False),
        ("a.yaml", YAML_VIEW, "    comment: new\n" + YAML_VIEW, False),
        ("a.yaml", YAML_VIEW, YAML_VIEW.replace("select 1", "select 2"), True),
        ("a.yaml", YAML_VIEW, YAML_VIEW.replace("selectQuery", "remarks"), True),
    ],
)
def test_an_edit_that_only_liquibase_can_compare(
    tmp_path: Path, file: str, before: str, after: str, *, is_edited: bool
) -> None:
    contents, name = SeenContents(), f"{file}::view::me"
    document = XML if file.endswith("xml") else YAML
    for text, checksum, expected in (
        (before, "9:one", False),
        (after, "9:one", is_edited),
        (after, "9:two", False),  # it has run
        (before, "9:two", is_edited),
    ):
        (tmp_path / file).write_text(document.format(text))
        changelog = read_changelog(file, [tmp_path])
        found = compare_changesets(changelog, {name: checksum}, contents)
        assert found.edited == found.pending == ((name,) if expected else ())
        assert found.unchecked == int(not expected)
    contents.accept([name])
    assert not compare_changesets(changelog, {name: "9:two"}, contents).edited


@pytest.mark.parametrize(
    ("section", "table", "only_one", "fits"),
    [
        ({}, "public.databasechangelog", False, True),
        ({}, "deploy.DATABASECHANGELOG", False, True),
        ({}, "public.quest_history", True, True),
        ({}, "public.quest_history", False, False),
        ({"table": "public.quest_history"}, "public.quest_history", False, True),
        ({"table": "public.quest_history"}, "public.databasechangelog", True, False),
        ({"database": "game"}, "public.databasechangelog", True, True),
        ({"database": "other"}, "public.databasechangelog", True, False),
    ],
)
def test_which_files_belong_to_a_table(
    section: dict[str, str], table: str, only_one: bool, fits: bool
) -> None:
    sections = [ChangelogSection.model_validate({"file": "a.sql"} | section)]
    found = files_for(sections, "game", table, only_one=only_one)
    assert found == (sections if fits else [])


def test_a_run_of_one_root_leaves_out_only_its_own_changesets(changelog: Path) -> None:
    (changelog / "b.sql").write_text(SQL)
    roots = [read_changelog(name, [changelog]) for name in ("a.sql", "b.sql")]
    expected = compare_changesets(combine(roots), recorded(changelog, "one"))

    assert expected.pending == ("a.sql::two::me", "b.sql::one::me", "b.sql::two::me")
    assert expected.left_out(["a.sql::one::me"]) == ["a.sql::two::me"]
    assert expected.left_out(["a.sql::one::me", "b.sql::one::me"]) == [*expected.pending]
