"""The commands in docs/wrapper.md work."""

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
    assert [reports for reports in settings if reports.directory]
    assert [reports for reports in settings if reports.table]
    assert [reports for reports in settings if reports.endpoint.url and reports.endpoint.token_file]


def test_the_commands_are_understood() -> None:
    lines = "".join(blocks("sh")).splitlines()
    parsed = [build_parser().parse_args(shlex.split(line)[1:]) for line in lines]
    assert [document.command[1] for document in parsed if "command" in document] == ["liquibase"]


def test_every_key_and_result_is_named() -> None:
    named = set(re.findall(r"`(\w+)`", DOCUMENT))
    assert set(Report.model_fields) - {"format"} <= named
    assert set(ChangesetReport.model_fields) <= named
    assert set(Result) <= named
