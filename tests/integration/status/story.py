"""A real migration that a test leads from state to state."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from testbed.database import Database
from testbed.exporter import Exporter
from testbed.liquibase import Liquibase
from testbed.process import Process
from testbed.waiting import wait_until
from tests.fixtures.exporters import StartExporter

_ROWS = 40_000
#: Rows at which the index build stays, without waiting for a lock, while a test holds a gate shut.
GATES = (10_000, 30_000)
_CHANGELOG = f"""--liquibase formatted sql

--changeset alice:create-quests
CREATE TABLE quests (id int PRIMARY KEY, level int NOT NULL, title text NOT NULL);

--changeset alice:import-quests
INSERT INTO quests SELECT g, g, 'Quest ' || g FROM generate_series(1, {_ROWS}) g;

--changeset alice:gates splitStatements:false
CREATE FUNCTION gated(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  IF $1 IN {GATES} THEN
    WHILE NOT pg_try_advisory_lock_shared($1) LOOP PERFORM pg_sleep(0.05); END LOOP;
    PERFORM pg_advisory_unlock_shared($1);
  END IF;
  RETURN $1;
END $$;

--changeset alice:index-quests-by-level
CREATE INDEX quests_by_level ON quests (gated(level));

--changeset bob:add-zone
ALTER TABLE quests ADD COLUMN zone text;
"""
_BROKEN = """
--changeset bob:rename-zone
ALTER TABLE quests RENAME COLUMN zones TO region;

--changeset bob:count-quests
CREATE VIEW quest_count AS SELECT count(*) FROM quests;
"""
_FILE = "quests.sql"


@dataclass
class Story:
    """A changelog of five changesets, three of which have run, and the exporter that watches."""

    database: Database
    exporter: Exporter
    folder: Path

    def update(self) -> Process:
        """Run the rest, in the background."""
        return Liquibase(self.database, self.folder, _FILE).start(
            "update", log=self.exporter.folder / "liquibase.log"
        )

    def break_changelog(self) -> None:
        """Add a changeset that fails."""
        (self.folder / _FILE).write_text(_CHANGELOG + _BROKEN)

    @contextmanager
    def shut(self, gate: int) -> Iterator[None]:
        """The index build gets no further than the row `gate`."""
        with self.database.connect() as holder:
            holder.execute("SELECT pg_advisory_lock(%s)", [gate])
            yield

    @contextmanager
    def visited(self) -> Iterator[None]:
        """Somebody looks at quests all the time, which no lock of the migration holds up."""
        enough = Event()

        def look() -> None:
            with self.database.connect(application_name="quest-service") as visitor:
                while not enough.wait(0.01):
                    visitor.execute("SELECT title FROM quests WHERE id = %s", [1])

        with ThreadPoolExecutor(1) as visitors:
            looking = visitors.submit(look)
            try:
                yield
            finally:
                enough.set()
        looking.result()

    @contextmanager
    def blocked(self) -> Iterator[Process]:
        """A session that has written and does nothing holds up the migration, and that others."""
        players = ThreadPoolExecutor(2)
        connection = self.database.connect(application_name="quest-service")
        with connection as holder, holder.transaction():
            holder.execute("UPDATE quests SET title = 'The last stand' WHERE id = 1")
            update = self.update()
            self._until_waiting("liquibase", 1)
            for player in (2, 3):
                players.submit(self._play, player)
            self._until_waiting("quest-service", 2)
            yield update
        players.shutdown(wait=False)  # they wait on, until the index is built

    def _play(self, player: int) -> None:
        update = "UPDATE quests SET title = 'Done' WHERE id = %s"
        self.database.execute(update, [player], application_name="quest-service")

    def _until_waiting(self, application_name: str, sessions: int) -> None:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database() AND application_name = %s"
        )
        wait_until(
            lambda: self.database.value(waiting, [application_name]) == sessions,
            60,
            f"{sessions} of {application_name} wait",
        )


def begin(database: Database, start_exporter: StartExporter, folder: Path) -> Story:
    """Run all changesets before the index, then watch: the exporter saw no run."""
    (folder / _FILE).write_text(_CHANGELOG)
    done = Liquibase(database, folder, _FILE).run("update-count", "--count=3")
    assert done.returncode == 0, done.stderr
    # Of the thousands that other tests leave, texts are read once in a minute; until then nobody
    # knows which statements of a role that the exporter shares are its own.
    database.execute("SELECT pg_stat_statements_reset()")
    section = {"file": _FILE, "search_path": [str(folder)]}
    exporter = start_exporter(
        database,
        liquibase={"changelogs": [section]},
        watch={"interval": "1s", "busy_interval": "500ms"},
        status={"runbooks": "https://runbooks.example.com"},
        statements={"text": True},
    )
    return Story(database, exporter, folder)
