"""The documentation of the states says what the program says."""

from __future__ import annotations

from pathlib import Path

from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.liquibase.state.guidance import GUIDANCE

DOCUMENT = Path(__file__).resolve().parents[3] / "docs/migration-states.md"


def test_every_state_is_documented_in_order_of_precedence() -> None:
    text = " ".join(DOCUMENT.read_text().split())
    position = 0
    for status in MigrationState:
        guidance = GUIDANCE[status]
        section = (
            f"## {status.value} **Meaning.** {guidance.meaning} **What to do.** {guidance.steps}"
        )
        assert section in text[position:], status
        position = text.index(section)
