"""What `wait` makes of the states of migrations."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from pg_migration_exporter.gate.awaited import wait_for
from pg_migration_exporter.gate.evaluate import Read
from pg_migration_exporter.gate.question import Question
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.status.model import TargetStatus
from tests.fixtures.gate import silent_status, status_with
from tests.unit.status.made import migration


@dataclass
class Said:
    """A subject that always says the same."""

    said: TargetStatus
    name: str = "default"

    async def status(self) -> TargetStatus:
        return self.said

    async def read(self, question: Question) -> Read:
        return Read(self.said, dict.fromkeys(question.not_asked(), ""), None, datetime.now(UTC))


@pytest.mark.parametrize(
    ("condition", "state", "traits", "result"),
    [
        ("succeeded", MigrationState.SUCCEEDED, {}, ("pass", None)),
        ("succeeded", MigrationState.PENDING, {}, ("fail", "hold")),
        ("succeeded", MigrationState.FAILED, {}, ("fail", "abort")),
        ("nothing-pending", MigrationState.DRIFTED, {"pending": 0}, ("pass", None)),
        ("nothing-pending", MigrationState.SUCCEEDED, {"pending": None}, ("fail", "hold")),
        ("nothing-pending", MigrationState.RUNNING, {"pending": 0}, ("fail", "hold")),
        ("go", MigrationState.RUNNING, {}, ("pass", None)),
    ],
)
def test_a_state(
    condition: str, state: MigrationState, traits: dict[str, Any], result: tuple[str, str | None]
) -> None:
    subject = Said(status_with(migrations=[migration(state, **traits)]))
    found = asyncio.run(wait_for(subject, condition, 0))
    assert (found.result, found.verdict) == result


@pytest.mark.parametrize("condition", ["succeeded", "nothing-pending", "go"])
def test_no_answer_is_not_what_is_awaited(condition: str) -> None:
    assert asyncio.run(wait_for(Said(silent_status()), condition, 0)).result != "pass"
