"""sql/grants.sql in a database of somebody who means harm to the administrator that runs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testbed.database import Database
from testbed.postgres import SUPERUSER, Server
from tests.fixtures.grants import HOSTILE, ROLE, complaints, drop_role, grant

#: Each runs for an unqualified name or operator that a file of this kind would use; the owner of
#: the database lets them be found before those of PostgreSQL.
_PLANTED = """
CREATE FUNCTION public.planted() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RAISE LOG 'planted code runs as %', current_user;
  IF current_user <> session_user OR current_user = 'postgres' THEN
    ALTER ROLE mallory SUPERUSER;
  END IF;
  RETURN 'SELECT 1';
END $$;
CREATE FUNCTION public.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS
  'SELECT public.planted()';
CREATE FUNCTION public.format(text, name, text) RETURNS text LANGUAGE sql AS
  'SELECT public.planted()';
CREATE FUNCTION public.format(text, name, name, text) RETURNS text LANGUAGE sql AS
  'SELECT public.planted()';
CREATE FUNCTION public.current_setting(text, bool) RETURNS text LANGUAGE sql AS
  'SELECT public.planted()';
CREATE FUNCTION public.set_config(text, text, bool) RETURNS text LANGUAGE sql AS
  'SELECT public.planted()';
CREATE FUNCTION public.pg_get_userbyid(oid) RETURNS name LANGUAGE sql AS
  'SELECT public.planted()::name';
CREATE FUNCTION public.contains(text[], text[]) RETURNS bool LANGUAGE sql AS
  'SELECT public.planted() <> ''''';
CREATE OPERATOR public.@> (FUNCTION = public.contains, LEFTARG = text[], RIGHTARG = text[]);
CREATE FUNCTION public.equal(name, text) RETURNS bool LANGUAGE sql AS
  'SELECT public.planted() <> ''''';
CREATE OPERATOR public.= (FUNCTION = public.equal, LEFTARG = name, RIGHTARG = text);
CREATE FUNCTION public.equal(oid, oid) RETURNS bool LANGUAGE sql AS
  'SELECT public.planted() <> ''''';
CREATE OPERATOR public.= (FUNCTION = public.equal, LEFTARG = oid, RIGHTARG = oid);
CREATE VIEW public.pg_roles AS SELECT oid, rolname, public.planted() FROM pg_catalog.pg_roles;
CREATE VIEW public.pg_class AS SELECT *, public.planted() FROM pg_catalog.pg_class;
CREATE TYPE public.word AS (w text);
CREATE FUNCTION public.cast(public.word) RETURNS text LANGUAGE sql AS 'SELECT public.planted()';
CREATE CAST (public.word AS text) WITH FUNCTION public.cast AS IMPLICIT;
"""

_HISTORY = (
    "CREATE TABLE {}.databasechangelog (id {}, author text, filename text, dateexecuted timestamp,"
    " orderexecuted int, exectype text, md5sum text, tag text, deployment_id text)"
)
_LOCK = "CREATE TABLE {}.{} (id int, locked bool, lockgranted timestamp, lockedby text{})"


@pytest.fixture
def owned(database: Database) -> Iterator[Database]:
    """A database for its owner, who has planted code for the administrator."""
    database.execute(f"CREATE ROLE {HOSTILE} LOGIN PASSWORD 'x'")
    database.execute(f'ALTER DATABASE "{database.name}" OWNER TO {HOSTILE}')
    owner = Database(database.port, database.name, HOSTILE, "x")
    owner.execute(f'ALTER DATABASE "{database.name}" SET search_path = public, pg_catalog')
    owner.execute(_PLANTED)
    yield owner
    database.execute(f'ALTER DATABASE "{database.name}" OWNER TO {SUPERUSER}')
    for role in (ROLE, f"{ROLE}_trusted", HOSTILE):
        drop_role(database, role)


def test_nothing_that_an_owner_planted_runs_as_the_administrator(
    server: Server, database: Database, owned: Database
) -> None:
    owned.execute(
        f"{_HISTORY.format('public', 'public.word')}; {_LOCK.format('public', 'documents', '')}"
    )
    grant(database, exporter=ROLE)
    log = server.process.output()
    assert f"db={database.name} LOG:  planted code runs as {SUPERUSER}" not in log
    superuser = "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) %s"
    assert database.value(superuser, [HOSTILE]) is False


@pytest.fixture
def mallory_s(database: Database, mallory: Database) -> Iterator[Database]:
    yield mallory
    for role in (ROLE, f"{ROLE}_trusted"):
        drop_role(database, role)


def test_only_tables_of_the_right_shape_and_owner_are_granted(
    database: Database, mallory_s: Database
) -> None:
    """An application's own table may have the columns of a lock, and anybody can copy a shape."""
    real = "CREATE SCHEMA app; {}; {}".format(
        _HISTORY.format("app", "varchar(255)"), _LOCK.format("app", "databasechangeloglock", "")
    )
    database.execute(
        f"{real}; {_LOCK.format('app', 'documents', ', secret text')};"
        f" CREATE SCHEMA alone; {_LOCK.format('alone', 'documents', '')};"
        f" CREATE SCHEMA odd; {_HISTORY.format('odd', 'xml')};"
        f" {_LOCK.format('odd', 'databasechangeloglock', '')}"
    )
    mallory_s.execute(real.replace("app", "hers"))
    warning, hint = complaints(database, exporter=ROLE).splitlines()
    assert "WARNING:  table hers.databasechangelog is not granted: it belongs to mallory" in warning
    assert hint.endswith("run this file again with -v migrator=mallory")

    granted = (
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n"
        " ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname !~ '^pg_|^inf'"
        " AND has_table_privilege(%s, c.oid, 'select') ORDER BY 1"
    )
    mine = [("app.databasechangelog",), ("app.databasechangeloglock",)]
    assert database.execute(granted, [ROLE]) == mine

    grant(database, exporter=ROLE, migrator=HOSTILE)
    hers = [("hers.databasechangelog",), ("hers.databasechangeloglock",)]
    assert database.execute(granted, [ROLE]) == mine + hers
