"""The memory of index builds: order of looks, clocks that are set, and what outlives a restart."""

from __future__ import annotations

import json

import pytest

from pg_migration_exporter.collectors.index_builds.builds import Sighting
from pg_migration_exporter.collectors.index_builds.memory import IndexBuildMemory
from pg_migration_exporter.collectors.index_builds.progress import Counters

_PHASE = "building index: scanning table"


def sighting(now: float, done: int = 5) -> Sighting:
    return Sighting(
        statement=(7, 100.0, 200.0),
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


def look(memory: IndexBuildMemory, *sightings: Sighting, now: float) -> list[str]:
    """One look; what began, and the builds that were there no more."""
    number = memory.begin_look()
    began = [kind for kind, _ in memory.see(sightings, now, number)]
    return began + [f"{build.indexrelname} gone" for build in memory.take_ended(sightings, number)]


@pytest.mark.parametrize("later", [201.0, 50.0], ids=["in order", "clock set back"])
def test_a_build_is_missed_whatever_the_clock_says(later: float) -> None:
    memory = IndexBuildMemory()
    assert look(memory, sighting(200.5), now=200.5) == ["index_build_started"]
    assert look(memory, now=later) == ["by_level gone"]


def test_an_older_look_that_is_answered_later_changes_nothing() -> None:
    memory = IndexBuildMemory()
    older = memory.begin_look()
    assert look(memory, sighting(201.0), now=201.0) == ["index_build_started"]
    assert memory.see([], 200.5, older) == []
    assert memory.take_ended([], older) == []
    assert memory.course(sighting(201.0)).ratio > 0


def test_a_restart_keeps_builds_and_counts() -> None:
    memory, restored = IndexBuildMemory(), IndexBuildMemory()
    look(memory, sighting(200.5), now=200.5)
    memory.count(memory.builds[0], "completed")
    restored.restore(json.loads(json.dumps(memory.dump())))
    assert restored.dump() == memory.dump() | {"builds": [{**memory.builds[0].dump(), "look": 0}]}
    assert look(restored, now=300.0) == ["by_level gone"]
