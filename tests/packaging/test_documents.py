"""The commands in README.md and CONTRIBUTING.md work, and their links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.cli import COMMANDS, build_parser
from pg_migration_exporter.config import load_settings
from testbed.programs import program
from tests.packaging.conftest import ROOT, run

DOCUMENTS = {name: (ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md")}
README = DOCUMENTS["README.md"]
EVERY_DOCUMENT = pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The YAML block of README.md that begins with a comment of the file's name."""
    name: str = request.param
    [block] = [block for block in blocks(README, "yaml") if block.startswith(f"# {name}\n")]
    path = tmp_path / name
    path.write_text(block)
    return path


@EVERY_DOCUMENT
def test_links_lead_to_files(text: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_readme_leads_to_every_page() -> None:
    pages = {page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").glob("*.md")}
    assert pages <= set(re.findall(r"\]\(([^)#]+)\)", README))


@EVERY_DOCUMENT
def test_make_knows_the_commands(text: str) -> None:
    known = set(re.findall(r"(?m)^([a-z-]+):.* ## ", (ROOT / "Makefile").read_text()))
    named = set(re.findall(r"(?m)(?:^|`|\w=\S+ )make ([a-z-]+)", text))
    assert named
    assert named <= known


def test_the_command_understands_every_line() -> None:
    lines = "".join(blocks(README, "sh")).splitlines()
    ours = [words[1:] for line in lines if (words := shlex.split(line))[0] == build_parser().prog]
    assert ours
    for arguments in ours:
        build_parser().parse_args(arguments)


def test_the_table_lists_every_subcommand() -> None:
    listed = re.findall(rf"(?m)^\| `{build_parser().prog} (\w+)", README)
    assert tuple(dict.fromkeys(listed)) == tuple(command.name for command in COMMANDS)


@pytest.mark.parametrize("file", ["config.yaml"], indirect=True)
def test_the_configuration_is_valid(file: Path) -> None:
    assert load_settings(file).postgres.password_file is not None


@pytest.mark.parametrize("file", ["values.yaml"], indirect=True)
def test_the_values_change_the_rules(file: Path) -> None:
    assert load_values(file) != load_values()


@pytest.mark.parametrize("file", ["prometheus.yml"], indirect=True)
def test_prometheus_scrapes_under_the_name_that_the_rules_read(file: Path) -> None:
    run(program("promtool"), "check", "config", "--syntax-only", file)
    [job] = yaml.safe_load(file.read_text())["scrape_configs"]
    assert job["job_name"] == load_values().prometheus.job
