"""A quiet hour: load, successful migrations and a nightly dump, which must not fire an alert."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from demo.report import Outcome, Report
from demo.scenarios import Fault
from demo.scenarios.release import apply, write_release
from demo.story import AlertWatch
from demo.world import DATABASE, World
from testbed.errors import StackError
from testbed.ports import LOOPBACK
from testbed.process import Process
from testbed.waiting import wait_for

#: Successful releases: a new table, a new column with an index, data.
RELEASES = {
    "table": "CREATE TABLE gameplay.quest_season (id int PRIMARY KEY, name text)",
    "column": "ALTER TABLE gameplay.quest_season ADD COLUMN began date;"
    " CREATE INDEX quest_season_began ON gameplay.quest_season (began)",
    "data": "INSERT INTO gameplay.quest_season SELECT n, 'Season' FROM generate_series(1, 9) n",
}
#: pgbench, "-s": 100 000 accounts, a few MB.
SCALE = 1
TRANSACTIONS_PER_SECOND = 20

#: The guide's alert fires for the delayed standby, and PostgresStandbyDelayed silences it.
_SILENCED = frozenset({"DatabaseReplicationLagHigh"})
_QUIET = Fault("quiet hour", frozenset(), nullcontext)


def quiet_hour(world: World, report: Report, seconds: float) -> Outcome:
    """Run the application, pgbench, releases and dumps; the outcome lists every alert."""
    report.title(f"A quiet hour, in {seconds:g} seconds")
    with _pgbench(world):
        watch = AlertWatch(world, _QUIET)
        for number, (name, sql) in enumerate(RELEASES.items(), 1):
            write_release(world, f"quiet-{name}", sql)
            apply(world)
            report.line(f"release {number} of {len(RELEASES)} is applied")
            _dump(world)
            _wait(watch.began + seconds * number / len(RELEASES))
    return _as_notified(watch.outcome())


def _as_notified(outcome: Outcome) -> Outcome:
    """Leave out what was silenced, if nobody was notified of anything."""
    if outcome.messages:
        return outcome
    told = {name: at for name, at in outcome.detected.items() if name not in _SILENCED}
    resolved = {name: at for name, at in outcome.resolved.items() if name in told}
    return replace(outcome, detected=told, resolved=resolved)


def _wait(until: float) -> None:
    wait_for(lambda: time.time() >= until, until - time.time(), interval=1)


def _dump(world: World) -> None:
    """Dump the database as every night: it reads all tables in one long transaction."""
    command = [str(world.primary.bindir / "pg_dump"), "--file=/dev/null"]
    dumped = subprocess.run(
        [*command, world.database.conninfo()], capture_output=True, text=True, check=False
    )
    if dumped.returncode:
        raise StackError(f"pg_dump fails:\n{dumped.stderr}")


@contextmanager
def _pgbench(world: World) -> Iterator[None]:
    """Run pgbench's default transactions through PgBouncer."""
    prepared = _command(world, "--initialize", f"--scale={SCALE}", "--quiet")
    done = subprocess.run(
        prepared, env=_environment(world), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StackError(f"pgbench cannot create its tables:\n{done.stderr}")
    bench = Process("pgbench", world.workspace.log("pgbench"), environment=_environment(world))
    bench.start(
        _command(world, "--time=86400", f"--rate={TRANSACTIONS_PER_SECOND}", "--protocol=simple")
    )
    try:
        yield
        if not bench.is_running:
            raise StackError(f"pgbench ended by itself\n{bench.tail()}")
    finally:
        bench.stop()


def _command(world: World, *options: str) -> list[str]:
    where = [f"--host={LOOPBACK}", f"--port={world.pooler.port}"]
    user = f"--username={world.pooler.database(DATABASE).user}"
    return [str(world.primary.bindir / "pgbench"), *where, user, *options, DATABASE]


def _environment(world: World) -> dict[str, str]:
    return {"PGPASSWORD": world.workspace.password}
