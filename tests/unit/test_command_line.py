"""The table of commands, and what a command imports."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pg_migration_exporter.cli import COMMANDS, build_parser, main
from pg_migration_exporter.cli.commands import Command
from tests.fixtures.changelogs.files import changeset, write, xml

#: Packages that take long to import.
SLOW = {"psycopg", "pydantic", "starlette", "jinja2", "rich", "uvloop"}


def imported(*arguments: str | Path) -> set[str]:
    """The packages that a command line imports."""
    code = (
        "import sys\nfrom pg_migration_exporter.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in ran.stderr.split()}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_import_no_command(arguments: list[str]) -> None:
    packages = imported(*arguments)
    assert "argparse" in packages
    assert not packages & {*SLOW, "yaml"}


def test_a_changelog_is_read_without_the_rest(tmp_path: Path) -> None:
    write(tmp_path, {"m.xml": xml(changeset("1"))})
    packages = imported("changelog", "list", "m.xml", "--search-path", tmp_path)
    assert "yaml" in packages
    assert not packages & SLOW


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_has_a_module_and_a_help(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    name = command.name
    module = import_module(f"pg_migration_exporter.cli.{command.module}")
    assert (module.__doc__ or "").startswith(f"`{name}")
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    assert capsys.readouterr().out.startswith(f"usage: {build_parser().prog} {name}")


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_every_command_and_its_options(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in (*(command.name for command in COMMANDS), "create-table", "--search-path"):
        assert word.removeprefix("--") in script
