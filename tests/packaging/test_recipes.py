"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the repository."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, run

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
RECIPES = re.findall(r"(?m)^### (Add .+)$", TEXT)
_BLOCK = re.compile(r"^ *(```+)(\w+)\n(.*?)^ *\1$", re.MULTILINE | re.DOTALL)


def _blocks(title: str) -> Iterator[tuple[str, str]]:
    """Language and content of each block of a recipe."""
    section = re.split(r"(?m)^###? ", TEXT.partition(f"### {title}\n")[2])[0]
    for _, language, content in _BLOCK.findall(section):
        yield language, textwrap.dedent(content)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that git tracks or would track, as they are now, with the same .venv and .tools."""
    folder = tmp_path / "copy"
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    if (ROOT / ".mypy_cache").is_dir():
        shutil.copytree(ROOT / ".mypy_cache", folder / ".mypy_cache")
    for name in (".venv", ".tools"):
        (folder / name).symlink_to(ROOT / name)
    run("git", "init", "--quiet", folder)
    run("git", "add", "--all", folder=folder)
    return folder


def _create(folder: Path, content: str) -> None:
    """Write a file; its first line is a comment with the name."""
    first, _, rest = content.partition("\n")
    path = folder / re.sub(r"^(# |<!-- )(\S+).*$", r"\2", first)
    assert not path.exists(), f"{path} exists"
    path.parent.mkdir(exist_ok=True)
    path.write_text(rest)


def _patch(folder: Path, diff: str) -> None:
    """Replace the old lines of each hunk, which must be in the file once, with the new ones."""
    header, _, hunks = diff.partition("\n")
    path = folder / header.removeprefix("--- ")
    for hunk in hunks.split("@@\n"):
        lines = [(line[:1], line[1:] + "\n") for line in hunk.splitlines()]
        old = "".join(text for mark, text in lines if mark != "+")
        new = "".join(text for mark, text in lines if mark != "-")
        text = path.read_text()
        assert text.count(old) == 1, f"{path.name} has these lines {text.count(old)} times:\n{old}"
        path.write_text(text.replace(old, new))


def _type(folder: Path, line: str) -> None:
    """Run the commands of a make target, except those that set up what is linked here."""
    # `make test ARGS=...` hands its level and its variables to every make below it.
    alone = ("env", "--unset=MAKELEVEL", "--unset=MAKEFLAGS", "--unset=MAKEOVERRIDES", "make")
    commands = run(*alone, "--dry-run", *shlex.split(line)[1:], folder=folder)
    commands = commands.replace("\\\n", " ")
    environment = os.environ | {"PYTHONPATH": str(folder / "exporter")}
    # Each process of pytest collects all tests: one is enough for a few.
    for command in commands.replace("--numprocesses 2", "--numprocesses 0").splitlines():
        if not command.startswith("scripts/setup.sh"):
            done = subprocess.run(
                command, cwd=folder, env=environment, check=False, shell=True,
                capture_output=True, text=True,
            )  # fmt: skip
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def test_there_are_recipes() -> None:
    assert RECIPES == ["Add a collector", "Add an alert", "Add a panel"]


@pytest.mark.parametrize("title", RECIPES)
def test_recipe_works(copy: Path, title: str) -> None:
    for language, content in _blocks(title):
        if language == "sh":
            for line in content.splitlines():
                _type(copy, line)
        elif language == "diff":
            _patch(copy, content)
        else:
            _create(copy, content)


def test_the_map_names_every_folder() -> None:
    map_ = TEXT.partition("## Map of the code")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([\w/-]+)`", "".join(re.findall(r"(?m)^\|(.*?)\|", map_))))
    files = [Path(name) for name in run("git", "ls-files").splitlines()]
    package = Path("exporter/pg_migration_exporter")
    top = {file.parts[0] for file in files if len(file.parts) > 1} - {".ci", ".github", "exporter"}
    inside = {
        file.relative_to(package).parts[0]
        for file in files
        if package in file.parents and file.parent != package
    }
    assert named == top | inside | {str(package)}
