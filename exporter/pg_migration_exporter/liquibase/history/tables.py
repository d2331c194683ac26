"""Liquibase's history and lock tables, and the SQL that finds and reads them.

Names and schemas are configurable in Liquibase (databaseChangelogTableName,
databaseChangelogLockTableName), so the tables are recognized by their columns. Reading them takes
ACCESS SHARE on Liquibase's tables only, limited by the session's lock_timeout.
"""

from __future__ import annotations

from dataclasses import dataclass

from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows

HISTORY_COLUMNS = (
    "id", "author", "filename", "dateexecuted", "orderexecuted", "exectype", "md5sum", "tag",
    "deployment_id",
)  # fmt: skip
LOCK_COLUMNS = ("id", "locked", "lockgranted", "lockedby")
#: Columns that Liquibase makes NOT NULL: CREATE TABLE AS does not copy that.
_NOT_NULL = ("id", "author", "filename", "dateexecuted", "orderexecuted", "exectype", "locked")

#: An index finds these names; other names need a search of all tables.
DEFAULT_NAMES = ("databasechangelog", "databasechangeloglock")

_DISCOVER = """
select c.oid::int8 as oid, n.nspname::text as schemaname, c.relname::text as relname,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) as quoted,
       {is_lock} as is_lock,
       not exists (select from pg_attribute a where a.attrelid = c.oid and not a.attnotnull
                      and a.attname in ({not_null})) as is_original,
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
            not_null=", ".join(f"'{name}'" for name in _NOT_NULL),
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
select locked, xmin::text as version, pg_stat_get_tuples_updated($1::text::oid) as updates
  from {lock} where id = 1
"""
)

#: The first row, by which a copy is recognized. Placeholder: history.
READ_FIRST_ROW = Query(
    """
select left(filename, 1000) as filename, left(id, 1000) as id, left(author, 1000) as author,
       orderexecuted, dateexecuted::text as executed
  from {history} order by orderexecuted limit 1
"""
)

#: The commit time of a row's transaction, or null if the server does not keep it.
COMMITTED = "pg_xact_commit_timestamp(xmin)"
NOT_COMMITTED = "null::timestamptz"


@dataclass(frozen=True, slots=True)
class Table:
    """One of Liquibase's tables; `quoted` is its name as SQL, schema included.

    `is_original` is False for what CREATE TABLE AS makes.
    """

    oid: int
    schemaname: str
    relname: str
    quoted: str
    is_lock: bool
    is_original: bool
    readable: bool

    @property
    def name(self) -> str:
        """The name without quotes: schema.table."""
        return f"{self.schemaname}.{self.relname}"


@dataclass(frozen=True, slots=True)
class ChangelogTables:
    """A history, and the lock table that guards it; None where it is missing or ambiguous.

    `has_own_lock` is False for a lock that is another history's too, or that is missing.
    """

    history: Table
    lock: Table | None
    has_own_lock: bool = True
    #: Whether the database has no other history.
    is_only: bool = False

    @property
    def name(self) -> str:
        """The value of the label `changelog`: schema.table."""
        return self.history.name


def read_tables(*answers: Rows) -> list[Table]:
    """Return the tables found."""
    tables = {row[0]: Table(*row) for answer in answers for row in answer.rows}
    return [*tables.values()]
