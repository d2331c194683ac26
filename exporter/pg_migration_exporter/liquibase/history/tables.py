"""Liquibase's history and lock tables, and the SQL that finds and reads them.

Names and schemas are configurable in Liquibase (databaseChangelogTableName,
databaseChangelogLockTableName), so the tables are recognized by their columns. Reading them takes
ACCESS SHARE on Liquibase's tables only, limited by the session's lock_timeout.
"""

from __future__ import annotations

from dataclasses import dataclass

from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows

HISTORY_COLUMNS = ("id", "author", "filename", "orderexecuted", "exectype", "md5sum")
LOCK_COLUMNS = ("id", "locked", "lockgranted", "lockedby")

#: An index finds these names; other names need a search of all tables.
DEFAULT_NAMES = ("databasechangelog", "databasechangeloglock")

_DISCOVER = """
select c.oid::int8 as oid, n.nspname::text as schemaname, c.relname::text as relname,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) as quoted,
       {is_lock} as is_lock, c.relowner::int8 as owner,
       has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as readable
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and {candidates} and ({is_lock} or {is_history})
"""


def _has_columns(columns: tuple[str, ...]) -> str:
    names = ", ".join(f"'{name}'" for name in columns)
    return (
        f"(select count(*) = {len(columns)} from pg_attribute a"
        f" where a.attrelid = c.oid and a.attname in ({names}))"
    )


def _discover(candidates: str) -> Query:
    return Query(
        _DISCOVER.format(
            candidates=candidates,
            is_lock=_has_columns(LOCK_COLUMNS),
            is_history=_has_columns(HISTORY_COLUMNS),
        )
    )


#: Tables under their default names: an index lookup, cheap enough for every scrape.
DISCOVER_BY_NAME = _discover(f"c.relname in {DEFAULT_NAMES}")
#: Tables under any other name: searches all tables, so only from time to time.
DISCOVER_BY_COLUMNS = _discover(f"c.relnatts between 4 and 32 and c.relname not in {DEFAULT_NAMES}")

#: Rows behind a position: a TID range scan reads only the blocks from there on (PostgreSQL 14,
#: "System Columns"). Parameter: a tid. Placeholders: history, committed.
READ_ROWS = Query(
    """
select ctid::text as tid, filename, id, author, md5sum, exectype, orderexecuted, tag,
       deployment_id, extract(epoch from dateexecuted)::float8 as executed,
       extract(epoch from {committed})::float8 as committed, xmin::text::int8 as xid
  from {history} where ctid > $1::text::tid
"""
)

#: The lock's row, or nulls, and the server's clock. Placeholders: lock, committed.
READ_LOCK = Query(
    """
select held.locked, held.lockedby, held.version,
       extract(epoch from held.committed)::float8 as committed,
       extract(epoch from clock_timestamp())::float8 as now
  from (select 1) as always
  left join (select locked, lockedby, xmin::text as version, {committed} as committed
               from {lock} where id = 1) as held on true
"""
)

#: Rows ever written, which reveal what a run did between two polls (pg_stat_all_tables).
#: Parameters: the oid of the history, the oid of the lock.
READ_COUNTERS = Query(
    """
select pg_stat_get_tuples_inserted($1::text::oid) as inserted,
       pg_stat_get_tuples_updated($1::text::oid) as updated,
       pg_stat_get_tuples_deleted($1::text::oid) as deleted,
       pg_stat_get_tuples_updated($2::text::oid) as locks
"""
)

#: Whether the lock's row is held, which transaction wrote it, and how often it was written. $1: the
#: oid of the lock table.
SAMPLE_LOCK = Query(
    """
select locked, xmin::text as version, pg_stat_get_tuples_updated($1::text::oid) as updates
  from {lock} where id = 1
"""
)

#: Sessions that may be Liquibase's: those with an application_name in $1 (a text array), and, since
#: the name may not be set, the oldest session of the role that owns the lock table ($2): without
#: such a session, a lock has no holder.
READ_SESSIONS = Query(
    """
with session as (
    select a.*, a.application_name = any($1::text::text[]) as named,
           row_number() over (order by a.backend_start) as age
      from pg_stat_activity a
     where a.datname = current_database() and a.backend_type = 'client backend'
       -- neither the exporter nor the wrapper, which connects as the role that migrates
       and a.application_name <> current_setting('application_name')
       and a.application_name not like 'pg-migration-exporter%'
       and (a.application_name = any($1::text::text[]) or a.usesysid = $2::text::oid))
select named, extract(epoch from backend_start)::float8 as started,
       case when state = 'active' then left(query, 1000) end as statement,
       wait_event_type is not distinct from 'Lock'
       or state <> 'idle' and xact_start < clock_timestamp() - interval '1 s'
       or state_change > clock_timestamp() - interval '2 s'
          and backend_start < clock_timestamp() - interval '3 s' as working,
       case when wait_event_type = 'Lock'
            then cardinality(pg_blocking_pids(pid)) > 0 else false end as blocked
  from session where named or age = 1
"""
)

#: The commit time of a row's transaction, or null if the server does not keep it.
COMMITTED = "pg_xact_commit_timestamp(xmin)"
NOT_COMMITTED = "null::timestamptz"


@dataclass(frozen=True, slots=True)
class Table:
    """One of Liquibase's tables; `quoted` is its name as SQL, schema included."""

    oid: int
    schemaname: str
    relname: str
    quoted: str
    is_lock: bool
    owner: int
    readable: bool


@dataclass(frozen=True, slots=True)
class ChangelogTables:
    """A history and the lock that guards it."""

    history: Table
    lock: Table | None

    @property
    def name(self) -> str:
        """The value of the label `changelog`: schema.table."""
        return f"{self.history.schemaname}.{self.history.relname}"


def read_tables(*answers: Rows) -> list[ChangelogTables]:
    """Pair the histories found with their locks."""
    tables = {row[0]: Table(*row) for answer in answers for row in answer.rows}
    histories = [table for table in tables.values() if not table.is_lock]
    locks = [table for table in tables.values() if table.is_lock]
    histories.sort(key=lambda table: (table.schemaname, table.relname))
    return [ChangelogTables(history, _lock_of(history, locks)) for history in histories]


def _lock_of(history: Table, locks: list[Table]) -> Table | None:
    """Return the lock named after the history, else the only one in its schema, else at all."""
    in_schema = [lock for lock in locks if lock.schemaname == history.schemaname]
    expected = f"{history.relname}lock".casefold()
    named = [lock for lock in in_schema if lock.relname.casefold() == expected]
    for candidates in (named, in_schema, locks):
        if len(candidates) == 1:
            return candidates[0]
    return None
