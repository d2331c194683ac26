"""Reads and writes of blocks by type of process, and the caches of transaction states (SLRU)."""

from __future__ import annotations

from pg_migration_exporter.collectors.columns import families, select_list
from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.postgres.query import Query

_OPERATIONS = ("read", "write", "extend", "fsync")

_HELPS = {
    "reads_total": "Reads by processes of a type.",
    "writes_total": "Writes by processes of a type.",
    "extends_total": "Extensions of relations by processes of a type.",
    "hits_total": "Blocks that processes of a type found in the shared or local buffers.",
    "evictions_total": "Buffers that processes of a type evicted to use them for another block.",
    "fsyncs_total": "Calls of fsync by processes of a type.",
    "read_bytes_total": "Bytes read by processes of a type.",
    "write_bytes_total": "Bytes written by processes of a type.",
    **{
        f"{operation}_seconds_total": f"Time that processes of a type spent on {operation} "
        "operations; absent without track_io_timing (for WAL: track_wal_io_timing)."
        for operation in _OPERATIONS
    },
}

#: Where times are not measured, the view has zeros; there is no sample then.
_TIMED = """case when current_setting(case object when 'wal' then 'track_wal_io_timing'
                                  else 'track_io_timing' end)::bool
            then coalesce(sum({}_time), 0) / 1000 end"""

_EXPRESSIONS = {
    **{
        f"{name}_total": f"sum({name})::int8"
        for name in ("reads", "writes", "extends", "hits", "evictions", "fsyncs")
    },
    **{f"{operation}_seconds_total": _TIMED.format(operation) for operation in _OPERATIONS},
}
_BYTES = {
    160000: {
        "read_bytes_total": "sum(reads * op_bytes)::float8",
        "write_bytes_total": "sum(writes * op_bytes)::float8",
    },
    180000: {
        "read_bytes_total": "sum(read_bytes)::float8",
        "write_bytes_total": "sum(write_bytes)::float8",
    },
}


def _variant(version: int) -> str:
    """Return the statement for a version; the contexts of a type of process are summed up."""
    return f"""
select backend_type, object,
       {select_list("postgres_io", _EXPRESSIONS | _BYTES[version])}
  from pg_stat_io
 group by 1, 2
having sum(coalesce(reads, 0) + coalesce(writes, 0) + coalesce(extends, 0) + coalesce(hits, 0)) > 0
"""


IO: Collector[None] = Collector(
    name="io",
    help="Reads, writes and their times by kind of process, from PostgreSQL 16 on.",
    sources=("pg_stat_io",),
    families=families("postgres_io", ("backend_type", "object"), _HELPS),
    queries=(Query({version: _variant(version) for version in _BYTES}, optional=True),),
    level="server",
)

_SLRU_HELPS = {
    "blocks_hit_total": "Pages of a cache of transaction states found in memory.",
    "blocks_read_total": "Pages of a cache of transaction states read from disk.",
    "blocks_written_total": "Pages of a cache of transaction states written to disk.",
    "truncates_total": "Truncations of what a cache of transaction states stands for.",
}
_SLRU = Query(
    """
select coalesce(renamed.new, s.name) as slru,
       s.blks_hit as postgres_slru_blocks_hit_total,
       s.blks_read as postgres_slru_blocks_read_total,
       s.blks_written as postgres_slru_blocks_written_total,
       s.truncates as postgres_slru_truncates_total
  from pg_stat_slru s
  left join (values ('CommitTs', 'commit_timestamp'), ('MultiXactMember', 'multixact_member'),
       ('MultiXactOffset', 'multixact_offset'), ('Notify', 'notify'), ('Serial', 'serializable'),
       ('Subtrans', 'subtransaction'), ('Xact', 'transaction')) as renamed (old, new)
    on renamed.old = s.name
"""
)

SLRU: Collector[None] = Collector(
    name="slru",
    help="Caches of transaction states (SLRU), under the names of PostgreSQL 17.",
    sources=("pg_stat_slru",),
    families=families("postgres_slru", ("slru",), _SLRU_HELPS),
    queries=(_SLRU,),
    level="server",
)
