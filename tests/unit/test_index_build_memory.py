"""The memory of index builds: the order of reads, clocks set back, and restarts."""

from __future__ import annotations

import json

import pytest

from pg_migration_exporter.collectors.index_builds.memory import IndexBuildMemory
from pg_migration_exporter.collectors.index_builds.progress import Counters
from pg_migration_exporter.collectors.index_builds.snapshot import BuildSnapshot, StatementId

_PHASE = "building index: scanning table"


def snapshot(now: float, done: int = 5) -> BuildSnapshot:
    return BuildSnapshot(
        statement=StatementId(7, 100.0, 200.0),
        now=now,
        relid=1,
        index_relid=0,
        command="CREATE INDEX",
        schemaname="game",
        relname="quests",
        indexrelname="by_level",
        phase=_PHASE,
        counters=Counters(blocks=(done, 10)),
        blocked=0.0,
        filenodes={2: 20, 3: None},
        table_filenode=10,
        locker=None,
    )


def read(memory: IndexBuildMemory, *snapshots: BuildSnapshot, now: float) -> list[str]:
    """Read once; return what began, and the builds that were gone."""
    number = memory.begin_read()
    began = [change.kind for change in memory.update(snapshots, now, number)]
    return began + [f"{build.indexrelname} gone" for build in memory.take_ended(snapshots, number)]


@pytest.mark.parametrize("later", [201.0, 50.0], ids=["in order", "clock set back"])
def test_a_build_is_missed_whatever_the_clock_says(later: float) -> None:
    memory = IndexBuildMemory()
    assert read(memory, snapshot(200.5), now=200.5) == ["index_build_started"]
    assert read(memory, now=later) == ["by_level gone"]


def test_an_older_read_that_is_answered_later_changes_nothing() -> None:
    memory = IndexBuildMemory()
    older = memory.begin_read()
    assert read(memory, snapshot(201.0), now=201.0) == ["index_build_started"]
    assert memory.update([], 200.5, older) == []
    assert memory.take_ended([], older) == []
    assert memory.progress_of(snapshot(201.0)).ratio > 0


def test_a_restart_keeps_builds_and_counts() -> None:
    memory, restored = IndexBuildMemory(), IndexBuildMemory()
    read(memory, snapshot(200.5), now=200.5)
    memory.count(memory.builds[0], "completed")
    restored.restore(json.loads(json.dumps(memory.dump())))
    assert restored.dump() == memory.dump() | {"builds": [{**memory.builds[0].dump(), "look": 0}]}
    assert read(restored, now=300.0) == ["by_level gone"]
