"""An index build that waits for a transaction nobody ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from demo.scenarios.fault import Fault
from demo.stack.waiting import wait_until
from demo.world import MIGRATOR, World

_BUILDS = "SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database()"


@contextmanager
def _build_waits(world: World) -> Iterator[None]:
    """CREATE INDEX CONCURRENTLY waits for every transaction that wrote to the table before it."""
    with world.database.connect() as idle:
        idle.execute("BEGIN")
        idle.execute("LOCK TABLE gameplay.quest_definitions IN ROW EXCLUSIVE MODE")
        with closing(world.database.as_user(MIGRATOR).connect()) as build:
            build.pgconn.send_query(
                b"CREATE INDEX CONCURRENTLY idx_quest_title ON gameplay.quest_definitions (title)"
            )
            wait_until(lambda: world.database.execute(_BUILDS), 10, "the index build waits")
            yield
            idle.execute("COMMIT")
            while build.pgconn.get_result():
                """The build ends now: its result, then none."""
        world.database.execute("DROP INDEX CONCURRENTLY gameplay.idx_quest_title")


INDEX_BUILD_WAITS = Fault(
    "index build waits",
    frozenset({"DatabaseIndexBuildSlow"}),
    _build_waits,
)
