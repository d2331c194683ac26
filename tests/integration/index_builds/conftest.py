"""A table whose indexes take as long to build as a test likes."""

from __future__ import annotations

import pytest

from testbed.database import Database
from tests.integration.index_builds.builds import MIDDLE


@pytest.fixture
def quests(database: Database) -> Database:
    """A table whose builds wait in the middle of their scan through the expression held(level)."""
    database.execute(
        "CREATE TABLE quests (id int CONSTRAINT quests_pkey PRIMARY KEY, level int, title text)"
    )
    database.execute(
        "INSERT INTO quests SELECT g, g, 'quest' FROM generate_series(1, %s) g", [2 * MIDDLE]
    )
    database.execute(
        "CREATE FUNCTION held(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN"
        f" IF $1 = {MIDDLE} THEN PERFORM pg_advisory_lock_shared(1);"
        " PERFORM pg_advisory_unlock_shared(1); END IF; RETURN $1; END'"
    )
    return database
