"""Changelog files against a history: pending, unexpected, drifted, or not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from pg_migration_exporter.config.schema import ChangelogSection
from pg_migration_exporter.liquibase.changelog import read_changelog
from pg_migration_exporter.liquibase.state.changelog_files import compare_changesets, files_for

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
    known = {one.identity: one.checksum for one in read_changelog("a.sql", [changelog]).changesets}
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
    assert found == (sections[0] if fits else None)
