"""Files that are no configuration at all: one line that says so, whatever is in them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from pg_migration_exporter.config import load_settings
from pg_migration_exporter.errors import ConfigError

_EXAMPLE = yaml.safe_load(
    files("pg_migration_exporter.config").joinpath("example.yaml").read_text()
)
_ODD: tuple[Any, ...] = (
    None, -1, 1.5, float("nan"), float("inf"), 10**400, True, "", "x\0", [], [1], [[]], [None], {},
    {"a": {"b": []}}, {1: 2}, {None: 1}, b"\xff", "http://[", "postgresql://[", "%", "*",
)  # fmt: skip


def paths(section: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in section.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from paths(value, (*path, key))


@pytest.mark.parametrize("path", [*paths(_EXAMPLE)], ids=".".join)
def test_a_value_of_another_type(tmp_path: Path, path: tuple[str, ...]) -> None:
    file = tmp_path / "config.yaml"
    for value in _ODD:
        content = value
        for key in reversed(path):
            content = {key: content}
        file.write_text(yaml.safe_dump(content))
        for dsn in (None, "host=db"):
            try:
                load_settings(file, dsn=dsn)
            except ConfigError as error:
                assert str(error)  # noqa: PT017 - most values are refused, some are fine


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: " + "[" * 101 + "]" * 101, "nested too deeply"),
        ("[" * 20_000, "nested too deeply"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("\na: 2026-99-99", ":2:4: not valid YAML: not a valid timestamp"),
        ("a: !!int x", "not a valid int"),
        ("a: !!bool maybe", "not a valid bool"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("a: &x [*x]", ""),
    ],
)
def test_text_that_is_no_yaml_of_ours(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_settings(file)
    assert problem in str(raised.value)
    assert str(raised.value).startswith(str(file))
