"""Liquibase's history and lock tables, and the SQL that finds and reads them.

Names and schemas are configurable in Liquibase (databaseChangelogTableName,
databaseChangelogLockTableName), so the tables are recognized by their columns. Reading them takes
ACCESS SHARE on Liquibase's tables only, limited by the session's lock_timeout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pg_migration_exporter.postgres.guarded_table import (
    ColumnType,
    GuardedTable,
    Owner,
    Shape,
    trusted,
)
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows

HISTORY = Shape(
    {
        "id": ColumnType.TEXT,
        "author": ColumnType.TEXT,
        "filename": ColumnType.TEXT,
        "dateexecuted": ColumnType.TIME,
        "orderexecuted": ColumnType.INTEGER,
        "exectype": ColumnType.TEXT,
        "md5sum": ColumnType.TEXT,
        "tag": ColumnType.TEXT,
        "deployment_id": ColumnType.TEXT,
    },
    optional={"liquibase": ColumnType.TEXT},
)
LOCK = Shape(
    {
        "id": ColumnType.INTEGER,
        "locked": ColumnType.BOOLEAN,
        "lockgranted": ColumnType.TIME,
        "lockedby": ColumnType.TEXT,
    }
)
#: Columns that Liquibase makes NOT NULL: CREATE TABLE AS does not copy that.
_NOT_NULL = ("id", "author", "filename", "dateexecuted", "orderexecuted", "exectype", "locked")

#: An index finds these names; other names need a search of all tables.
DEFAULT_NAMES = ("databasechangelog", "databasechangeloglock")

#: Rows that one statement returns, at most. The widest, of 13 kB (`READ_ROWS`), are fewer bytes
#: than an answer may have (`budget.MAX_BYTES`).
ROWS_AT_ONCE = 1000
#: Tables that are found, at most: those of trusted owners first, then the oldest.
_MAX_TABLES = 2000

_DISCOVER = """
select c.oid::int8 as oid, n.nspname::text as schemaname, c.relname::text as relname,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) as quoted,
       {is_lock} as is_lock,
       not exists (select from pg_attribute a where a.attrelid = c.oid and not a.attnotnull
                      and a.attname in ({not_null})) as is_original,
       has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as readable,
       c.relowner::int8 as owner, pg_get_userbyid(c.relowner)::text as owner_name,
       {owner_trusted} as owner_trusted,
       n.nspowner::int8 as schema_owner, pg_get_userbyid(n.nspowner)::text as schema_owner_name,
       {schema_owner_trusted} as schema_owner_trusted,
       case when {is_lock} then {lock_obstacle} else {history_obstacle} end as obstacle
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ({kinds}) and c.relpersistence <> 't' and {candidates}
       and ({is_lock} or {is_history})
 order by owner_trusted desc, schema_owner_trusted desc, oid limit {limit}
"""


def _has_columns(shape: Shape) -> str:
    names = ", ".join(f"'{name}'" for name in shape.columns)
    return (
        f"(select count(*) = {len(shape.columns)} from pg_attribute a"
        f" where a.attrelid = c.oid and a.attname in ({names}))"
    )


def _discover(candidates: str, kinds: str) -> Query:
    return Query(
        _DISCOVER.format(
            candidates=candidates,
            kinds=kinds,
            limit=_MAX_TABLES,
            is_lock=_has_columns(LOCK),
            is_history=_has_columns(HISTORY),
            owner_trusted=trusted("c.relowner"),
            schema_owner_trusted=trusted("n.nspowner"),
            lock_obstacle=LOCK.obstacle,
            history_obstacle=HISTORY.obstacle,
            not_null=", ".join(f"'{name}'" for name in _NOT_NULL),
        )
    )


#: Tables under their default names: an index lookup, cheap enough for every scrape.
DISCOVER_BY_NAME = _discover(f"c.relname in {DEFAULT_NAMES}", "'r', 'p', 'v', 'm', 'f'")
#: Tables under any other name: searches all tables, so only from time to time.
DISCOVER_BY_COLUMNS = _discover(
    f"c.relnatts between 4 and 32 and c.relname not in {DEFAULT_NAMES}", "'r', 'p'"
)

#: The first rows behind a position, in the order of their positions: a TID range scan reads only
#: the blocks from there on (PostgreSQL 14, "System Columns"), and no session of ours scans in
#: another order. A position is a number: block * 65536 + offset. Liquibase's columns have 255
#: characters. Parameter: a tid. Placeholders: history, committed.
READ_ROWS = Query(
    f"""
select ((ctid::text::point)[0] * 65536 + (ctid::text::point)[1])::int8 as position,
       left(filename, 1000) as filename, left(id, 1000) as id,
       left(author, 256) as author, left(md5sum, 256) as md5sum, left(exectype, 256) as exectype,
       orderexecuted, left(tag, 256) as tag, left(deployment_id, 256) as deployment_id,
       extract(epoch from dateexecuted)::float8 as executed,
       extract(epoch from {{committed}})::float8 as committed, xmin::text::int8 as xid
  from only {{history}} where ctid operator(pg_catalog.>) $1::text::tid limit {ROWS_AT_ONCE}
"""
)

#: Rows ever written, which reveal what a run did between two polls (pg_stat_all_tables); the file
#: of the history, which TRUNCATE and VACUUM FULL replace; whether a subscription writes the lock.
#: Parameters: the oid of the history, the oid of the lock or 0.
READ_COUNTERS = Query(
    """
select pg_stat_get_tuples_inserted($1::text::oid) as inserted,
       pg_stat_get_tuples_updated($1::text::oid) as updated,
       pg_stat_get_tuples_deleted($1::text::oid) as deleted,
       pg_stat_get_tuples_updated($2::text::oid) as locks,
       coalesce(pg_relation_filenode($1::text::oid), 0)::int8 as filenode,
       exists (select from pg_subscription_rel where srrelid = $2::text::oid) as is_replicated
"""
)

#: Whether the lock's row is held, which transaction wrote it, and how often it was written. $1: the
#: oid of the lock table.
SAMPLE_LOCK = Query(
    """
select locked, xmin::text as version,
       pg_stat_get_tuples_updated($1::text::oid) as updates
  from only {lock} where id operator(pg_catalog.=) 1
"""
)

#: The first row, by which a copy is recognized. Placeholder: history.
READ_FIRST_ROW = Query(
    """
select left(filename, 1000) as filename, left(id, 1000) as id, left(author, 1000) as author,
       orderexecuted, dateexecuted::text as executed
  from only {history} order by orderexecuted limit 1
"""
)

#: The commit time of a row's transaction, or null if the server does not keep it.
COMMITTED = "pg_xact_commit_timestamp(xmin)"
NOT_COMMITTED = "null::timestamptz"


@dataclass(frozen=True, slots=True)
class Table:
    """One of Liquibase's tables; `quoted` is its name as SQL, schema included.

    `is_original` is False for what CREATE TABLE AS makes. `obstacle` is why it is not read, for
    example "has row security"; None without a reason.
    """

    oid: int
    schemaname: str
    relname: str
    quoted: str
    is_lock: bool
    is_original: bool
    readable: bool
    owner: Owner
    schema_owner: Owner
    obstacle: str | None = None

    @property
    def name(self) -> str:
        """The name without quotes: schema.table."""
        return f"{self.schemaname}.{self.relname}"

    @property
    def guarded(self) -> GuardedTable:
        """The table for a query that reads it."""
        return GuardedTable(
            self.oid,
            self.schemaname,
            self.relname,
            self.quoted,
            self.owner,
            self.schema_owner,
            LOCK if self.is_lock else HISTORY,
        )


@dataclass(frozen=True, slots=True)
class ChangelogTables:
    """A history, and the lock table that guards it; None where it is missing or ambiguous.

    `has_own_lock` is False for a lock that is another history's too, or that is missing.
    """

    history: Table
    lock: Table | None
    has_own_lock: bool = True
    #: Whether there is a lock named after the history which is not to be read.
    has_refused_lock: bool = False
    #: Whether the database has no other history.
    is_only: bool = False

    @property
    def name(self) -> str:
        """The value of the label `changelog`: schema.table."""
        return self.history.name


def read_tables(*answers: Rows) -> list[Table]:
    """Return the tables found."""
    found = [_table(row) for answer in answers for row in answer.named()]
    return [*{table.oid: table for table in found}.values()]


def _table(row: dict[str, Any]) -> Table:
    owner, schema_owner = (
        Owner(row.pop(of), row.pop(f"{of}_name"), row.pop(f"{of}_trusted"))
        for of in ("owner", "schema_owner")
    )
    return Table(**row, owner=owner, schema_owner=schema_owner)
