"""`changelog list` and `changelog check`, without the rest of the command line."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from pg_migration_exporter.cli import changelog as command
from pg_migration_exporter.errors import UserError
from tests.fixtures.changelogs.files import IDENTITY, SQL, changeset, write, xml


def call(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    options = parser.parse_args([*map(str, arguments)])
    return int(options.run(options))


def test_list_prints_the_identities(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("list", "master.xml", "--search-path", IDENTITY) == 0

    printed = capsys.readouterr()
    expected = IDENTITY.with_name("identity.expected.txt").read_text(encoding="utf-8").splitlines()
    assert [
        line.removesuffix(" (runs when changed)") for line in printed.out.splitlines()
    ] == expected
    assert printed.err.count("warning: ") == 4


def test_json_has_everything(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write(tmp_path, {"m.xml": xml(changeset("1", 'labels="x"') + changeset("${y}", 'context="z"'))})

    options = ("--search-path", tmp_path, "--contexts", "z", "--property", "y=Y=", "--json")
    assert call("list", "m.xml", *options) == 0

    document = json.loads(capsys.readouterr().out)
    assert [changeset["identity"] for changeset in document["changesets"]] == [
        "m.xml::1::a",
        "m.xml::Y=::a",
    ]
    assert document["changesets"][1] == {
        "identity": "m.xml::Y=::a",
        "path": "m.xml",
        "id": "Y=",
        "author": "a",
        "file": "m.xml",
        "line": 4,
        "checksum": "9:3b78b9910981c62ca27148640fad7bc2",
        "valid_checksums": [],
        "run_always": False,
        "run_on_change": False,
        "may_leave_no_row": False,
        "contexts": ["z"],
        "labels": [],
        "other_paths": [],
        "fingerprint": "",
        "writes": False,
        "old_checksum": "8:551a6b5455d661ce7101a063b818ca3e",
    }
    assert (document["complete"], document["findings"]) == (True, [])


def test_check_says_where_and_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    body = '<include file="none.sql"/><include file="c.sql"/>'
    write(tmp_path, {"m.xml": xml(body), "c.sql": f"{SQL}--changeset a: 1\nselect 1;"})

    assert call("check", "m.xml", "--search-path", tmp_path) == 1

    assert capsys.readouterr().out == (
        "error: m.xml:3: The included file none.sql does not exist.\n"
        "    Correct the path, and let the exporter read it.\n"
        "error: c.sql:2: Liquibase refuses this line of formatted\n"
        "    SQL.\n"
        "    It expects --changeset <author>:<id>.\n"
        "2 errors; changesets not known\n"
    )


def test_a_clean_changelog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write(tmp_path, {"m.xml": xml(changeset("1"))})

    assert call("check", "m.xml", "--search-path", tmp_path) == 0

    assert capsys.readouterr().out == "no findings; 1 changeset expected\n"


def test_labels_and_version(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "m.xml": xml('<include file="c.xml" labels="x"/>'),
            "c.xml": xml(changeset("1", 'labels="y"')),
        },
    )

    assert call("list", "m.xml", "--search-path", tmp_path, "--labels", "y") == 0
    assert (
        call(
            *("list", "m.xml", "--search-path", tmp_path, "--label-filter", "y"),
            *("--liquibase-version", "4.29.2"),
        )
        == 0
    )

    assert capsys.readouterr().out == "c.xml::1::a\n"


def test_several_search_paths(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write(tmp_path / "a", {"m.xml": xml('<include file="c.sql"/>')})
    write(tmp_path / "b", {"c.sql": "select 1;"})

    assert (
        call("list", "m.xml", "--search-path", tmp_path / "a", "--search-path", tmp_path / "b") == 0
    )

    assert capsys.readouterr().out == "c.sql::raw::includeAll\n"


@pytest.mark.parametrize("what", ["list", "check"])
def test_a_missing_file_is_bad_input(tmp_path: Path, what: str) -> None:
    with pytest.raises(UserError, match=r"none\.xml does not exist.*relative to the search path"):
        call(what, "none.xml", "--search-path", tmp_path)


def test_a_property_needs_a_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call("list", "m.xml", "--property", "x")

    assert ended.value.code == 2
    assert "'x' is not NAME=VALUE" in capsys.readouterr().err


def test_names_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write(
        tmp_path,
        {"m.json": '{"databaseChangeLog": [{"changeSet": {"id": "a\\u001b[2J", "author": "b"}}]}'},
    )

    assert call("list", "m.json", "--search-path", tmp_path) == 0

    assert capsys.readouterr().out == "m.json::a\\x1b[2J::b\n"
