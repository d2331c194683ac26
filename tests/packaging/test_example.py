"""The example configuration says what the schema says."""

from __future__ import annotations

from typing import Any

import yaml

from pg_migration_exporter.config import Settings
from tests.packaging.conftest import PACKAGE

EXAMPLE: dict[str, Any] = yaml.safe_load((PACKAGE / "config/example.yaml").read_text())


def structure(content: dict[str, Any]) -> dict[str, Any]:
    """The keys alone, in their order."""
    return {
        key: structure(value) if isinstance(value, dict) else None for key, value in content.items()
    }


def test_example_shows_the_defaults() -> None:
    assert Settings.model_validate(EXAMPLE) == Settings()


def test_example_shows_every_key_in_the_order_of_the_schema() -> None:
    assert structure(EXAMPLE) == structure(Settings().model_dump())
