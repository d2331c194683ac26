"""Event triggers for logins, which PostgreSQL has since 17 and superusers can create.

One runs in every session of its database. Its function may belong to a role that is less trusted
than who made the trigger.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from testbed.database import Database
from testbed.postgres import Server
from testbed.workspace import Workspace
from tests.fixtures.exporters import StartExporter, scrape
from tests.fixtures.grants import ROLE, grant
from tests.fixtures.servers import programs_of

OWNER, OTHER = "landlord", "tenant"
_TRIGGER = "CREATE EVENT TRIGGER greet ON login EXECUTE FUNCTION public.greet()"
_FUNCTION = """
CREATE OR REPLACE FUNCTION public.greet() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_catalog.set_config('planted.ran_as', session_user, false);
  PERFORM pg_catalog.set_config('default_transaction_read_only', 'off', false);
  IF session_user = '{0}' THEN RAISE EXCEPTION 'nobody looks'; END IF;
END $$
"""


@pytest.fixture(scope="module")
def newest(workspace: Workspace) -> Iterator[Server]:
    """A server whose owner of the database has replaced the function of a login trigger."""
    with Server(workspace, "logins", bindir=programs_of(workspace, "18")) as server:
        database = server.database()
        for role in (OWNER, OTHER, ROLE):
            server.create_role(role)
        grant(database, exporter=ROLE)
        database.execute(f"ALTER DATABASE {database.name} OWNER TO {OWNER}")
        owner = database.as_user(OWNER)
        owner.execute(_FUNCTION.format("nobody"))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute(_TRIGGER)
        database.execute(_TRIGGER)
        owner.execute(_FUNCTION.format(ROLE))
        yield server


def ran_as(database: Database) -> str | None:
    """As whom the trigger ran in a session, None if it did not."""
    ran: str | None = database.value("SELECT current_setting('planted.ran_as', true)")
    return ran


def test_it_does_not_run_in_the_exporter_s_sessions(
    newest: Server, start_exporter: StartExporter
) -> None:
    database = newest.database()
    assert ran_as(database.as_user(OTHER)) == OTHER
    assert ran_as(database.as_user(ROLE)) is None
    page = scrape(start_exporter(database.as_user(ROLE)))
    assert page.value("postgres_up") == 1


def test_without_the_setting_of_its_role_it_does(
    newest: Server, start_exporter: StartExporter
) -> None:
    """Where no superuser runs grants.sql; only they may change the setting."""
    database = newest.database()
    database.execute(f'ALTER ROLE "{ROLE.replace(chr(34), 2 * chr(34))}" RESET event_triggers')
    try:
        with pytest.raises(psycopg.OperationalError, match="nobody looks"):
            database.as_user(ROLE).execute("SELECT")
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            database.as_user(ROLE).execute("SELECT", options="-c event_triggers=off")
        page = scrape(start_exporter(database.as_user(ROLE)))
        assert page.value("postgres_up") == 0
    finally:
        grant(database, exporter=ROLE)
