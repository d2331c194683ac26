"""All alerts that the tests cover: those of the bundle and those of the example of quests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pg_migration_exporter.bundle import alert_rules
from pg_migration_exporter.bundle.rule_tests.promtool_files import promtool_files
from pg_migration_exporter.bundle.values import load_values
from tests.fixtures.yaml_text import load_yaml

ROOT = Path(__file__).parents[2]
QUEST = ROOT / "examples/quest/values.yaml"
VALUES = load_values(QUEST)
GROUPS = alert_rules.groups(VALUES)
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
RECORDS = [rule for rule in RULES if "record" in rule]
#: The text of each of promtool's files of unit tests by its name, and their content.
TEST_TEXTS = promtool_files(VALUES)
TEST_FILES: list[dict[str, Any]] = [load_yaml(text) for text in TEST_TEXTS.values()]


def runbook(alert: str) -> Path:
    """The runbook that an alert links to."""
    [url] = [str(rule["annotations"]["runbook_url"]) for rule in ALERTS if rule["alert"] == alert]
    return ROOT / url
