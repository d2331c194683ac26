"""A long-running process reads repeatedly; unchanged files are not parsed again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pg_migration_exporter.liquibase.changelog import Changelog, ChangelogCache, read_changelog
from tests.fixtures.changelogs.files import changeset, ids, write, xml

FILES = {
    "m.xml": xml('<includeAll path="d"/><include file="e.xml" errorIfMissing="false"/>'),
    "d/a.xml": xml(changeset("1")),
    "d/b.xml": xml(changeset("2")),
}


@pytest.fixture
def read_cached(tmp_path: Path) -> Callable[[], Changelog]:
    write(tmp_path, FILES)
    cache = ChangelogCache()
    return lambda: read_changelog("m.xml", [tmp_path], version="4.28.0", cache=cache)


def overwrite_unseen(path: Path, content: str) -> None:
    """Change a file so that its time, size and inode stay: a reader that notices has opened it."""
    status = path.stat()
    assert len(content) == status.st_size
    path.write_text(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_result_is_reused(read_cached: Callable[[], Changelog]) -> None:
    assert read_cached() is read_cached()


def test_unchanged_files_are_not_opened_again(
    tmp_path: Path, read_cached: Callable[[], Changelog]
) -> None:
    read_cached()
    overwrite_unseen(tmp_path / "d/a.xml", xml(changeset("x")))
    assert ids(read_cached()) == ["1", "2"]

    # Another file has changed: the result is made again, with this file as cached.
    write(tmp_path, {"d/b.xml": xml(changeset("longer"))})
    assert ids(read_cached()) == ["1", "longer"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda root: write(root, {"d/a.xml": xml(changeset("changed"))}), ["changed", "2"]),
        (lambda root: write(root, {"d/aa.xml": xml(changeset("new"))}), ["1", "new", "2"]),
        (lambda root: write(root, {"e.xml": xml(changeset("there now"))}), ["1", "2", "there now"]),
        (lambda root: (root / "d/a.xml").unlink(), ["2"]),
        (lambda root: (root / "d/a.xml").rename(root / "d/c.xml"), ["2", "1"]),
        (lambda root: write(root, {"m.xml": xml(changeset("only"))}), ["only"]),
    ],
)
def test_a_change_is_seen(
    tmp_path: Path,
    read_cached: Callable[[], Changelog],
    change: Callable[[Path], object],
    expected: list[str],
) -> None:
    read_cached()
    change(tmp_path)

    assert ids(read_cached()) == expected


def test_an_error_is_an_answer_until_it_is_mended(
    tmp_path: Path, read_cached: Callable[[], Changelog]
) -> None:
    write(tmp_path, {"d/b.xml": "<broken"})
    broken = read_cached()
    assert not broken.complete
    assert read_cached() is broken

    write(tmp_path, {"d/b.xml": FILES["d/b.xml"]})
    assert ids(read_cached()) == ["1", "2"]


def test_every_question_has_its_own_answer(tmp_path: Path) -> None:
    write(tmp_path, {"m.xml": xml(changeset("1", 'context="a"') + changeset("2", 'context="b"'))})
    cache = ChangelogCache()

    answers = [read_changelog("m.xml", [tmp_path], contexts=c, cache=cache) for c in ("a", "b")]

    assert [ids(answer) for answer in answers] == [["1"], ["2"]]
