"""The report table in the migrated database: SQL that creates, writes and reads it.

Only an explicit command of an administrator creates the table. The role that migrates may add and
update reports, the exporter's role may read them; neither may delete. The schema's name does not
begin with `pg_`, which is reserved for PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from pg_migration_exporter.liquibase.reports.report import MAX_BYTES, Report, parse_report
from pg_migration_exporter.postgres.guarded_table import (
    ITSELF,
    ColumnType,
    GuardedTable,
    Owner,
    Shape,
    trusted,
)
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows

SCHEMA = "migration_exporter"
_NAME = "report"
TABLE = f"{SCHEMA}.{_NAME}"

_SHAPE = Shape(
    {
        "run_id": ColumnType.UUID,
        "started": ColumnType.TIME_WITH_ZONE,
        "updated": ColumnType.TIME_WITH_ZONE,
        "report": ColumnType.JSON,
    }
)

#: The table as the exporter finds it: parts of a `GuardedTable`, and why it is not read or null.
FIND = Query(
    f"""
select c.oid::int8 as oid,
       c.relowner::int8 as owner, pg_get_userbyid(c.relowner)::text as owner_name,
       {trusted("c.relowner")} as owner_trusted,
       n.nspowner::int8 as schema_owner, pg_get_userbyid(n.nspowner)::text as schema_owner_name,
       {trusted("n.nspowner")} as schema_owner_trusted,
       {_SHAPE.obstacle} as obstacle
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = '{SCHEMA}' and c.relname = '{_NAME}'
"""
)

#: Why the current role does not write to the table, null without a reason: somebody who made it
#: first could read the reports, or run code with the rights of the role that migrates.
READ_OBSTACLE = f"""
select case
    when not {trusted("n.nspowner", ITSELF)}
    then pg_catalog.concat('is in a schema of ', pg_catalog.pg_get_userbyid(n.nspowner))
    when not {trusted("c.relowner", ITSELF)}
    then pg_catalog.concat('belongs to ', pg_catalog.pg_get_userbyid(c.relowner))
    when exists (select from pg_catalog.pg_trigger t where t.tgrelid = c.oid)
    then 'has a trigger'
    when exists (
        select from pg_catalog.pg_depend d join pg_catalog.pg_attrdef a on a.oid = d.objid
         where a.adrelid = c.oid and d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
           and d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass)
    then 'has a default with a function of a user'
    else {_SHAPE.obstacle} end as obstacle
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where n.nspname = '{SCHEMA}' and c.relname = '{_NAME}'
"""
#: Before `READ_OBSTACLE` and `WRITE`, in their transaction: what is locked stays as it is.
LOCK = f"lock table only {TABLE} in row exclusive mode"

#: Nothing that is created in this database is called with the rights of who runs this.
_CREATE = f"""\
SET search_path = pg_catalog, pg_temp;
BEGIN READ WRITE;
CREATE SCHEMA IF NOT EXISTS {SCHEMA};
CREATE TABLE IF NOT EXISTS {TABLE} (
    run_id uuid PRIMARY KEY,
    started timestamptz NOT NULL,
    updated timestamptz NOT NULL DEFAULT clock_timestamp(),
    report jsonb NOT NULL CHECK (octet_length(report::text) <= {2 * MAX_BYTES})
);
COMMENT ON TABLE {TABLE} IS
    'Runs of Liquibase, reported by pg-migration-exporter run; rows may be deleted at any time';
DO $$
DECLARE
  why pg_catalog.text := ({READ_OBSTACLE});
BEGIN
  IF why IS NOT NULL THEN
    RAISE EXCEPTION 'the table {TABLE} is there and %', why
      USING HINT = 'Somebody else has made it: drop it, or run this as its owner if you trust it.';
  END IF;
END $$;
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
#: server's clock. Overlaps by 5 s, so that a row that was not committed then is not missed. Rows of
#: the future would hide all others.
READ = Query(
    """
select extract(epoch from updated)::float8 as updated, current_database()::text as datname,
       report::text as report
  from only {table}
 where updated > to_timestamp($1::text::float8) - interval '5 s'
   and updated <= clock_timestamp()
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
    return f"{_CREATE}{sql.Composed(parts).as_string(None)}COMMIT;\nRESET search_path;\n"


def write_parameters(report: Report) -> dict[str, Any]:
    """Return the parameters of `WRITE`."""
    return {
        "run_id": report.run_id,
        "started": report.started,
        "report": report.model_dump_json(),
    }


@dataclass(frozen=True, slots=True)
class ReportTable:
    """The table as the exporter found it; `refusal` is why it is not read, None if it is."""

    guarded: GuardedTable
    refusal: str | None


def find_table(answer: Rows, trusted_owners: Sequence[str]) -> ReportTable | None:
    """Return the table in the answer of `FIND`, None without one."""
    if not answer.rows:
        return None
    oid, *owners, obstacle = answer.rows[0]
    guarded = GuardedTable(
        oid, SCHEMA, _NAME, TABLE, Owner(*owners[:3]), Owner(*owners[3:]), _SHAPE
    )
    return ReportTable(guarded, guarded.distrust(trusted_owners) or obstacle)


def read_reports(answer: Rows) -> Iterator[Report]:
    """Yield the reports in the answer of `READ`; rows without a valid report are skipped.

    The target is the database in which they are found: a pooler may have given it, and its server,
    other names.
    """
    for updated, datname, content in answer.rows:
        try:
            report = parse_report(content)
        except ValueError:
            continue
        target = report.target.model_copy(update={"database": datname, "servers": ()})
        yield report.received_at(updated).model_copy(update={"target": target})
