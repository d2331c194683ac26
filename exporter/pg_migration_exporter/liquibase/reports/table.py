"""Reports in a table of the migrated database: its SQL, for who makes, writes and reads it.

Only an administrator's explicit command makes the table. The role that migrates may add a run and
go on with it, the exporter's role may read; neither can delete. Schemas whose names begin with
`pg_` are PostgreSQL's own, hence the name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from psycopg import sql

from pg_migration_exporter.liquibase.reports.report import MAX_BYTES, Report, parse_report
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows

SCHEMA = "migration_exporter"
TABLE = f"{SCHEMA}.report"

#: Who owns the schema, if it is there and not the current role's: whoever made it first could read
#: along, or run code with the rights of the role that migrates.
FOREIGN_OWNER = """
select pg_get_userbyid(nspowner) from pg_namespace
 where nspname = %s and nspowner <> (select oid from pg_roles where rolname = current_user)
"""

_CREATE = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA};
CREATE TABLE IF NOT EXISTS {TABLE} (
    run_id uuid PRIMARY KEY,
    started timestamptz NOT NULL,
    updated timestamptz NOT NULL DEFAULT clock_timestamp(),
    report jsonb NOT NULL CHECK (octet_length(report::text) <= {2 * MAX_BYTES})
);
COMMENT ON TABLE {TABLE} IS
    'Runs of Liquibase, reported by pg-migration-exporter run; rows may be deleted at any time';
"""
_GRANT_WRITER = f"""
GRANT USAGE ON SCHEMA {SCHEMA} TO {{role}};
GRANT SELECT (run_id), INSERT, UPDATE (updated, report) ON {TABLE} TO {{role}};
"""
_GRANT_READER = f"""
GRANT USAGE ON SCHEMA {SCHEMA} TO {{role}};
GRANT SELECT ON {TABLE} TO {{role}};
"""

#: Adds a run or goes on with it; parameters as of `parameters_of`. Reads no column but run_id.
WRITE = f"""
insert into {TABLE} as r (run_id, started, report)
values (%(run_id)s, to_timestamp(%(started)s), %(report)s::jsonb)
    on conflict (run_id) do update set updated = clock_timestamp(), report = %(report)s::jsonb
"""

#: What was written since $1: `updated` of the last row read, or 0, in seconds since the epoch on
#: the server's clock. Rows may come twice: one that was not committed then must not be missed.
READ = Query(
    f"""
select extract(epoch from updated)::float8 as updated, current_database()::text as datname,
       report::text as report
  from {TABLE}
 where updated > to_timestamp($1::text::float8) - interval '5 s'
 order by updated desc limit 100
"""
)


def creation(writers: Sequence[str], readers: Sequence[str]) -> str:
    """SQL that makes the table, as the current role, and grants it; it can be run again."""
    grants = [(_GRANT_WRITER, role) for role in writers] + [(_GRANT_READER, r) for r in readers]
    parts = [sql.SQL(text).format(role=sql.Identifier(role)) for text, role in grants]
    return _CREATE + sql.Composed(parts).as_string(None)


def parameters_of(report: Report) -> dict[str, Any]:
    """The parameters of `WRITE`."""
    return {
        "run_id": report.run_id,
        "started": report.started,
        "report": report.model_dump_json(),
    }


def read_reports(answer: Rows) -> Iterator[Report]:
    """The reports of `READ`'s answer; rows that hold none are left out.

    The database they are found in is the one they are about, whatever names a pooler gave to it
    and to its server.
    """
    for _, datname, content in answer.rows:
        try:
            report = parse_report(content)
        except ValueError:
            continue
        target = report.target.model_copy(update={"database": datname, "servers": ()})
        yield report.model_copy(update={"target": target})
