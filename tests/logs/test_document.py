"""docs/logs.md: its commands and values work, and it names the files and metrics that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import yaml

from pg_migration_exporter.bundle.render import render
from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.cli import build_parser
from pg_migration_exporter.logs.log_metrics import METRICS, PIPELINE_METRICS

DOCUMENT = Path(__file__).parents[2] / "docs/logs.md"
TEXT = DOCUMENT.read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_links_lead_to_files() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert targets
    assert [target for target in targets if not (DOCUMENT.parent / target).exists()] == []


def test_values_are_accepted_and_change_something(tmp_path: Path) -> None:
    values = [block for block in blocks("yaml") if block.startswith("# logs.yaml")]
    assert values
    for block in values:
        path = tmp_path / "logs.yaml"
        path.write_text(block)
        assert load_values(path) != load_values()


def test_commands_of_the_exporter_are_understood() -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    commands = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("pg-")]
    assert {command[0] for command in commands} == {"render", "logs"}
    for command in commands:
        assert build_parser().parse_args(command).run


def test_files_that_it_names_are_rendered() -> None:
    files = {Path(file.path).name for file in render(["fluent-bit", "opensearch"], load_values())}
    installed = {
        Path(word).name
        for line in "".join(blocks("sh")).splitlines()
        for word in line.split()
        if re.search(r"\.(yaml|lua|conf|service|json|ndjson)\b", word)
        and not re.search("/(etc|var)/", word)
    }
    known = {re.sub(r".*@|^.*/", "", name) for name in installed} - {"logs.yaml"}
    assert known >= {"jsonlog.yaml", "parsers.yaml", "postgresql.lua", "ism-policy.json"}
    assert {name.removesuffix("'") for name in known} <= files


def test_metrics_are_those_of_the_pipeline() -> None:
    named = set(re.findall(r"^\| `(postgres_\w+)\{([^}]+)\}`", TEXT, re.MULTILINE))
    families = {(m.family.name, ",".join(m.family.labels)) for m in METRICS}
    assert {(name, labels.replace('="log"', "")) for name, labels in named} == families
    own = set(re.findall(r"fluentbit_\w+", TEXT))
    assert own <= {family.name for family in PIPELINE_METRICS}


def test_scrape_configuration_has_the_expected_job_and_port() -> None:
    [block] = [block for block in blocks("yaml") if block.startswith("# prometheus.yml")]
    [job] = yaml.safe_load(block)["scrape_configs"]
    metrics = load_values().logs.metrics
    assert job["job_name"] == metrics.job
    [target] = job["static_configs"][0]["targets"]
    assert target.endswith(f":{metrics.port}")
