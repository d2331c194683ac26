"""1,000 files with 10,000 changesets: under two seconds of one processor, and again in no time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pg_migration_exporter.liquibase.changelog import ChangelogCache, read_changelog
from tests.fixtures.changelogs.files import write, xml
from tests.fixtures.changelogs.generator import WRITERS

SQL = "create table t (\n  id integer primary key,\n  name text not null\n);"


def changelog(directory: Path, suffix: str) -> Path:
    files = {"m.xml": xml('<includeAll path="d"/>')}
    for file in range(1000):
        entries = [
            (
                "changeSet",
                {"id": f"{file}-{n}", "author": "a", "labels": "x", "context": "prod"},
                SQL,
            )
            for n in range(10)
        ]
        files[f"d/{file}.{suffix}"] = WRITERS[suffix](entries, {})
    return write(directory, files)


@pytest.mark.parametrize("suffix", ["xml", "yaml", "json", "sql"])
def test_ten_thousand_changesets(tmp_path: Path, suffix: str) -> None:
    root = changelog(tmp_path, suffix)

    # The best of some: a busy neighbor slows down a processor that is shared.
    assert any(spent < 2 for spent in (seconds_to_read(root) for _ in range(4)))


def seconds_to_read(root: Path) -> float:
    started = time.process_time()
    answer = read_changelog("m.xml", [root], contexts="prod")
    spent = time.process_time() - started
    assert len(answer.changesets) == 10_000
    return spent


def test_asking_again_costs_a_look_at_every_file(tmp_path: Path) -> None:
    root, cache = changelog(tmp_path, "sql"), ChangelogCache()
    read_changelog("m.xml", [root], cache=cache)
    started = time.process_time()

    again = read_changelog("m.xml", [root], cache=cache)

    assert time.process_time() - started < 0.1
    assert len(again.changesets) == 10_000
