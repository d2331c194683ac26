from __future__ import annotations

import re
from pathlib import Path

import pytest

from pg_migration_exporter.bundle.metrics import rules
from pg_migration_exporter.bundle.values import load_values

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Escalation", "Verification"]
EVERY_RUNBOOK = pytest.mark.parametrize(
    "path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem
)


def test_every_alert_has_its_runbook_and_every_runbook_its_alert():
    alerts = {rule.name for rule in rules(load_values())}
    assert {path.stem for path in RUNBOOKS.iterdir()} == alerts


@EVERY_RUNBOOK
def test_runbook_has_the_headings_in_order_and_something_below_each(path: Path):
    title, *sections = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert title.strip() == f"# {path.stem}"
    assert [section.partition("\n")[0] for section in sections] == HEADINGS
    assert all(section.partition("\n")[2].strip() for section in sections)


@EVERY_RUNBOOK
def test_runbook_says_what_to_run_and_what_to_leave(path: Path):
    text = path.read_text(encoding="utf-8")
    diagnosis = text.partition("## Diagnosis")[2].partition("## Mitigation")[0]
    assert re.search(r"```(sql|bash)\n", diagnosis)
    assert "What would make it worse:" in text


@EVERY_RUNBOOK
def test_sql_that_changes_something_is_marked_as_the_administrators(path: Path):
    blocks = re.findall(r"```sql\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    changing = r"\b(DROP|ANALYZE|ALTER|UPDATE|DELETE|pg_\w+_backend|pg_wal_replay_resume)\b"
    for block in blocks:
        assert bool(re.search(changing, block)) == block.lstrip().startswith("-- admin"), block


@EVERY_RUNBOOK
def test_links_lead_to_files(path: Path):
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        assert (RUNBOOKS / target).is_file(), target


def test_blind_runbook_lists_the_collectors_of_the_rule():
    text = (RUNBOOKS / "MigrationExporterBlind.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\w+) \| \w+ \|$", text, re.MULTILINE)
    assert listed == load_values().alerts.MigrationExporterBlind.collectors
