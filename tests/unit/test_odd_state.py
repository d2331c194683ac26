"""A state file with anything in it: ignored as a whole, or restored with values of every type."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from pg_migration_exporter.collectors.index_builds import INDEX_BUILDS
from pg_migration_exporter.collectors.liquibase import LIQUIBASE
from pg_migration_exporter.config import Settings
from pg_migration_exporter.engine.store import Store

_STATES: dict[str, Any] = {
    LIQUIBASE.name: {
        "state": json.loads(
            (Path(__file__).parent.parent / "scenarios/state_of_0_1.json").read_text()
        ),
    },
    INDEX_BUILDS.name: {"state": INDEX_BUILDS.memory(Settings()).dump()},
}
_ODD: tuple[Any, ...] = (None, "x", -1, 1.5, True, [], [1], {}, {"a": {"b": []}}, [[[]]], 10**400)


def paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*path, key))


def changed(state: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    result = deepcopy(state)
    inner = result
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return result


def stored(directory: Path, collector: str, texts: list[str]) -> Iterator[Any]:
    """The memories restored from a file with each of these states, one after the other."""
    store = Store(directory, "db:5432/game")
    store.save({})
    store.leave_command(collector, "nothing")  # makes the file
    for text in texts:
        with closing(sqlite3.connect(directory / "state.sqlite")) as database, database:
            row = ("db:5432/game", collector, text)
            database.execute("INSERT OR REPLACE INTO memory VALUES (?, ?, ?)", row)
        declared = LIQUIBASE if collector == LIQUIBASE.name else INDEX_BUILDS
        memory: Any = declared.memory(Settings())
        store.restore({collector: memory})
        yield memory


@pytest.mark.parametrize("collector", list(_STATES))
def test_any_value_anywhere(tmp_path: Path, collector: str) -> None:
    """What was restored can be stored again, and restored from that."""
    state = _STATES[collector]["state"]
    texts = [json.dumps(changed(state, path, value)) for path in paths(state) for value in _ODD]
    for memory in stored(tmp_path, collector, texts):
        again = json.loads(json.dumps(memory.dump()))
        declared = LIQUIBASE if collector == LIQUIBASE.name else INDEX_BUILDS
        fresh: Any = declared.memory(Settings())
        fresh.restore(again)
        assert json.loads(json.dumps(fresh.dump())) == again


@pytest.mark.parametrize("text", ["[" * 100_000, "", "\0", "nul", "{" * 50_000])
def test_text_that_is_no_state(tmp_path: Path, text: str) -> None:
    [memory] = stored(tmp_path, LIQUIBASE.name, [text])
    assert memory.dump()["changelogs"] == {}
