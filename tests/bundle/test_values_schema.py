"""The schema for editors agrees with the validation of values files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pg_migration_exporter.bundle.values import DEFAULTS, PRESETS
from pg_migration_exporter.bundle.values_schema import values_schema
from tests.fixtures.yaml_text import load_yaml

SCHEMA: dict[str, Any] = json.loads(values_schema())
VALIDATOR = Draft202012Validator(SCHEMA)


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("file", [DEFAULTS, *PRESETS.values()], ids=str)
def test_defaults_and_presets_are_valid(file: Any) -> None:
    VALIDATOR.validate(load_yaml(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "content",
    [
        {"alert": {}},
        {"alerts": {"PostgresUp": {}}},
        {"alerts": {"PostgresDown": {"threshold": 1}}},
        {"alerts": {"PostgresDown": {"severity": "page"}}},
        {"alerts": {"PostgresDown": {"for": "5 min"}}},
        {"alerts": {"DatabaseConnectionPoolExhausted": {"threshold": 90}}},
        {"alerts": {"MigrationExporterBlind": {"collectors": []}}},
        {"prometheus": {"job": 'a"b'}},
    ],
    ids=str,
)
def test_what_validation_refuses_the_editor_underlines(content: object) -> None:
    assert list(VALIDATOR.iter_errors(content))
