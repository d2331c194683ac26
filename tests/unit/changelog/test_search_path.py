"""Files outside the search path, and files that are none."""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pg_migration_exporter.liquibase.changelog import locate, read_changelog
from tests.fixtures.changelogs.files import YAML, changeset, ids, read, summary, write, xml

ONE = xml(changeset("1"))


@pytest.mark.parametrize(
    "body",
    [
        '<include file="../outside.xml"/>',
        '<include file="s/../../outside.xml"/>',
        '<include file="..\\outside.xml"/>',
        '<include file="link.xml"/>',
        '<include file="links/outside.xml"/>',
        '<includeAll path=".."/>',
        '<includeAll path="//{outside}"/>',
        '<includeAll path="links"/>',
        '<includeAll path="d"/>',
        '<property file="../outside.xml"/>',
    ],
)
def test_nothing_outside_is_opened(tmp_path: Path, body: str) -> None:
    root = tmp_path / "root"
    write(tmp_path, {"outside.xml": ONE})
    write(root, {"s/x.txt": "", "d/x.txt": ""})
    (root / "link.xml").symlink_to(tmp_path / "outside.xml")
    (root / "links").symlink_to(tmp_path)
    (root / "d/inner").symlink_to("/etc")

    changelog = read(root, {"m.xml": xml(body.format(outside=tmp_path))})

    assert "outside the search path" in summary(changelog)


def test_an_absolute_name_is_below_the_root(tmp_path: Path) -> None:
    body = f'<include file="{tmp_path}/c.xml"/>'

    assert "does not exist" in summary(read(tmp_path, {"m.xml": xml(body), "c.xml": ONE}))


def test_links_inside_are_followed(tmp_path: Path) -> None:
    write(tmp_path, {"m.xml": xml('<includeAll path="d"/>'), "e/c.xml": ONE, "d/x.txt": ""})
    (tmp_path / "d/e").symlink_to(tmp_path / "e")
    (tmp_path / "d/broken.xml").symlink_to(tmp_path / "none")

    assert ids(read_changelog("m.xml", [tmp_path])) == ["1"]


def test_a_circle_of_links_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"m.xml": xml('<includeAll path="d"/>'), "d/c.xml": ONE})
    (tmp_path / "d/again").symlink_to(tmp_path / "d")

    assert "link to a directory that contains it" in summary(read_changelog("m.xml", [tmp_path]))


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.xml")

    assert "not a regular file" in summary(read_changelog("m.xml", [tmp_path]))


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "m.xml").open("wb") as file:
        file.truncate((16 << 20) + 1)

    assert "larger than 16 MiB" in summary(read_changelog("m.xml", [tmp_path]))


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"m.xml": xml('<includeAll path="d"/>'), "d/x.txt": ""})
    (Path(os.fsdecode(os.fsencode(tmp_path / "d") + b"/\xff.xml"))).write_text(ONE)

    assert "is not UTF-8" in summary(read_changelog("m.xml", [tmp_path]))


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("none.xml", "does not exist"),
        ("x.txt", "does not have the name of a changelog"),
        ("../m.xml", "outside the search path"),
        ("m\0.xml", "outside the search path"),
        ("m.xml" * 2000, "does not exist"),
    ],
)
def test_a_changelog_that_cannot_be_opened(tmp_path: Path, file: str, message: str) -> None:
    write(tmp_path, {"x.txt": "", "m.xml": ONE})
    missing = locate(file, [tmp_path])

    assert missing is not None
    assert message in missing.summary
    assert message in summary(read_changelog(file, [tmp_path]))


@pytest.mark.parametrize("name", ["none", "file", "\0"])
def test_a_search_path_must_be_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()

    assert "is not a directory" in summary(read_changelog("m.xml", [tmp_path / name]))


@contextmanager
def without_rights() -> Iterator[None]:
    """Be somebody who may not read everything; root does even where the mode forbids it."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(user)


def test_what_may_not_be_read_is_a_finding(tmp_path: Path) -> None:
    closed = write(tmp_path / "closed", {"m.xml": ONE})
    closed.chmod(0)

    with without_rights():
        answer = read_changelog("m.xml", [closed])
        missing = locate("m.xml", [closed])

    assert missing is not None
    assert summary(answer) == missing.summary
    assert "let the exporter read it" in missing.advice


def test_a_file_that_may_not_be_read_is_a_finding() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder), {"m.xml": ONE})
        root.chmod(0o755)
        (root / "m.xml").chmod(0)
        with without_rights():
            answer = read_changelog("m.xml", [root])

    assert "cannot be read: Permission denied" in summary(answer)


def test_a_name_with_a_null_leads_nowhere(tmp_path: Path) -> None:
    body = '- includeAll: {path: "a\\0b"}'

    assert "outside the search path" in summary(read(tmp_path, {"m.yaml": YAML + body}))


def test_without_a_search_path_it_is_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write(tmp_path, {"m.xml": ONE}))

    assert ids(read_changelog("m.xml", [])) == ["1"]
    assert ids(read_changelog("m.xml", [Path()])) == ["1"]


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    assert "encoding 'rot13'" in summary(read(tmp_path, {"m.xml": ONE}, encoding="rot13"))
