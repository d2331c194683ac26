"""The load of the application: players who read and update their quests through the pooler.

The load runs before, during and after the migration. It reads the quest catalog as soon as the
migration has created it, like an application with a feature flag.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import Any, Self

import psycopg

from testbed.database import Database

PLAYERS = 2_000

#: The schema before the migration.
SCHEMA = f"""
CREATE TABLE player_quest (
    player_id int, quest text, state text NOT NULL DEFAULT 'open', steps int NOT NULL DEFAULT 0,
    PRIMARY KEY (player_id, quest));
INSERT INTO player_quest
SELECT player, 'Quest ' || quest FROM generate_series(1, {PLAYERS}) player,
       generate_series(1, 10) quest;
CREATE TABLE quest_attempt (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, player_id int NOT NULL, zone text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(), ended_at timestamptz,
    outcome text CHECK (outcome IN ('completed', 'abandoned')));
CREATE INDEX ON quest_attempt (ended_at);
CREATE TABLE quest_validation_error (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, reason text NOT NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp());
INSERT INTO quest_validation_error (reason) VALUES ('level range'), ('level range');
INSERT INTO quest_attempt (player_id, zone, started_at, ended_at, outcome)
SELECT player, (ARRAY['forest', 'harbor', 'mountains'])[player % 3 + 1], started_at,
       CASE WHEN player % 4 > 0 THEN started_at + player % 60 * interval '30 s' END,
       CASE player % 4 WHEN 1 THEN 'abandoned' WHEN 0 THEN NULL ELSE 'completed' END
  FROM (SELECT player, now() - player * interval '1 s' - interval '30 min' AS started_at
          FROM generate_series(1, {PLAYERS}) player) AS attempt;
"""


@dataclass(frozen=True, slots=True)
class Request:
    """A statement of a player, and its weight among the others."""

    weight: int
    sql: bytes
    needs_catalog: bool = False


#: Ends the oldest attempt.
_END = (
    b"UPDATE quest_attempt SET ended_at = clock_timestamp(), outcome = '%(outcome)s'"
    b" WHERE id = (SELECT id FROM quest_attempt WHERE ended_at IS NULL ORDER BY id LIMIT 1"
    b" FOR UPDATE SKIP LOCKED)"
)

#: Searches in JSON are rare: a freshly filled GIN index answers slowly until it is vacuumed.
REQUESTS = (
    Request(50, b"SELECT quest, state, steps FROM player_quest WHERE player_id = %(player)s"),
    Request(
        40,
        b"UPDATE player_quest SET steps = steps + 1"
        b" WHERE player_id = %(player)s AND quest = 'Quest ' || %(quest)s",
    ),
    Request(
        9,
        b"SELECT id, title FROM gameplay.quest_definitions WHERE status = 'active'"
        b" AND level_min = %(level)s ORDER BY created_at DESC LIMIT 20",
        needs_catalog=True,
    ),
    Request(
        1,
        b"SELECT count(*) FROM (SELECT FROM gameplay.quest_definitions WHERE objectives @>"
        b" jsonb_build_array(jsonb_build_object('kill', %(level)s::int)) LIMIT 50) AS found",
        needs_catalog=True,
    ),
    Request(
        3,
        b"INSERT INTO quest_attempt (player_id, zone) VALUES (%(player)s,"
        b" (ARRAY['forest', 'harbor', 'mountains'])[%(quest)s %% 3 + 1])",
    ),
    Request(2, _END % {b"outcome": b"completed"}),
    Request(1, _END % {b"outcome": b"abandoned"}),
)
_CATALOG_EXISTS = b"SELECT to_regclass('gameplay.quest_definitions') IS NOT NULL"


class Load:
    """`players` threads, each with its own session and a request every `pause` seconds."""

    def __init__(self, database: Database, *, players: int = 4, pause: float = 0.04) -> None:
        self._database = database
        self._pause = pause
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._play, args=(n,)) for n in range(players)]
        self.answered = 0
        self.failed = 0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _play(self, number: int) -> None:
        choice = random.Random(number)  # the same requests in every run
        while not self._end.is_set():
            try:
                self._play_session(choice)
            except psycopg.Error:
                self.failed += 1
                self._end.wait(1)  # the server or the pooler is away: try again

    def _play_session(self, choice: random.Random) -> None:
        with self._database.connect(application_name="quest-service") as session:
            session.prepare_threshold = None  # not possible with a transaction pool
            has_catalog = False
            while not self._end.wait(self._pause):
                has_catalog = has_catalog or _catalog_exists(session)
                requests = [r for r in REQUESTS if has_catalog or not r.needs_catalog]
                request = choice.choices(requests, [r.weight for r in requests])[0]
                session.execute(request.sql, _parameters(choice))
                self.answered += 1


def _catalog_exists(session: psycopg.Connection[Any]) -> bool:
    row = session.execute(_CATALOG_EXISTS).fetchone()
    return bool(row and row[0])


def _parameters(choice: random.Random) -> dict[str, int]:
    return {
        "player": choice.randint(1, PLAYERS),
        "quest": choice.randint(1, 10),
        "level": choice.randint(1, 50),
    }
