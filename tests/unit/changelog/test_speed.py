"""1,000 files with 10,000 changesets: read as a whole, and not read again while none changes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pg_migration_exporter.liquibase.changelog import Changelog, ChangelogCache, read_changelog
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


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["xml", "yaml", "json", "sql"])
def test_ten_thousand_changesets(tmp_path: Path, suffix: str) -> None:
    root, cache = changelog(tmp_path, suffix), ChangelogCache()
    first, answer = seconds_to_read(root, cache)
    again, same = seconds_to_read(root, cache)

    assert len(answer.changesets) == 10_000
    assert same is answer
    assert again < first / 10  # a stat of every file, and no file opened


def seconds_to_read(root: Path, cache: ChangelogCache) -> tuple[float, Changelog]:
    """Seconds of the processor, and the answer."""
    started = time.process_time()
    answer = read_changelog("m.xml", [root], contexts="prod", cache=cache)
    return time.process_time() - started, answer
