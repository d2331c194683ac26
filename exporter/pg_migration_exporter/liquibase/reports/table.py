"""The report table in the migrated database: SQL that creates, writes and reads it.

Only an explicit command of an administrator creates the table. The role that migrates may add and
update reports, the exporter's role may read them; neither may delete. The schema's name does not
begin with `pg_`, which is reserved for PostgreSQL.
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

#: Owner of the schema, if it is not the current role: an unknown owner could read the reports, or
#: run code with the rights of the role that migrates.
READ_FOREIGN_OWNER = """
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

#: Adds or updates a report; parameters from `write_parameters`. Reads no column but run_id.
WRITE = f"""
insert into {TABLE} as r (run_id, started, report)
values (%(run_id)s, to_timestamp(%(started)s), %(report)s::jsonb)
    on conflict (run_id) do update set updated = clock_timestamp(), report = %(report)s::jsonb
"""

#: Rows written since $1: `updated` of the last row read, or 0, in seconds since the epoch on the
#: server's clock. Overlaps by 5 s, so that a row that was not committed then is not missed.
READ = Query(
    f"""
select extract(epoch from updated)::float8 as updated, current_database()::text as datname,
       report::text as report
  from {TABLE}
 where updated > to_timestamp($1::text::float8) - interval '5 s'
 order by updated desc limit 100
"""
)


def create_table_sql(writers: Sequence[str], readers: Sequence[str]) -> str:
    """Return SQL that creates the table as the current role and grants it; can be run again."""
    grants = [
        *((_GRANT_WRITER, role) for role in writers),
        *((_GRANT_READER, role) for role in readers),
    ]
    parts = [sql.SQL(text).format(role=sql.Identifier(role)) for text, role in grants]
    return _CREATE + sql.Composed(parts).as_string(None)


def write_parameters(report: Report) -> dict[str, Any]:
    """Return the parameters of `WRITE`."""
    return {
        "run_id": report.run_id,
        "started": report.started,
        "report": report.model_dump_json(),
    }


def read_reports(answer: Rows) -> Iterator[Report]:
    """Yield the reports in the answer of `READ`; rows without a valid report are skipped.

    The target is the database in which they are found: a pooler may have given it, and its server,
    other names.
    """
    for _, datname, content in answer.rows:
        try:
            report = parse_report(content)
        except ValueError:
            continue
        target = report.target.model_copy(update={"database": datname, "servers": ()})
        yield report.model_copy(update={"target": target})
