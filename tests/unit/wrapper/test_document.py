"""What docs/wrapper.md tells readers to type works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import yaml

from pg_migration_exporter.cli import build_parser
from pg_migration_exporter.config import Settings
from pg_migration_exporter.liquibase.reports.report import ChangesetReport, Report, Result

DOCUMENT = (Path(__file__).parents[3] / "docs/wrapper.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


def test_the_configurations_are_valid() -> None:
    settings = [Settings.model_validate(yaml.safe_load(block)).reports for block in blocks("yaml")]
    assert [one for one in settings if one.directory]
    assert [one for one in settings if one.table]
    assert [one for one in settings if one.endpoint.url and one.endpoint.token_file]


def test_the_commands_are_understood() -> None:
    lines = "".join(blocks("sh")).splitlines()
    parsed = [build_parser().parse_args(shlex.split(line)[1:]) for line in lines]
    assert [one.command[1] for one in parsed if "command" in one] == ["liquibase"]


def test_every_key_and_result_is_named() -> None:
    named = set(re.findall(r"`(\w+)`", DOCUMENT))
    assert set(Report.model_fields) - {"format"} <= named
    assert set(ChangesetReport.model_fields) <= named
    assert set(Result) <= named
