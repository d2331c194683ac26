"""Sequences that run out: INSERT fails when one is at its end, or beyond its column's type.

A serial column of type integer ends at 2147483647, whatever its sequence allows.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.postgres.query import Query

#: Most used sequences that are shown one by one.
_SHOWN = 20

USED = Family(
    "postgres_sequence_used_ratio",
    "gauge",
    "Share of a sequence's values, or of those that its column can hold, that is used up, 0 to 1: "
    f"the {_SHOWN} most used of each database, without those that cycle. Absent on a standby.",
    ("datname", "schemaname", "sequencename"),
)
UNREADABLE = Family(
    "postgres_sequences_unreadable",
    "gauge",
    "Sequences whose values the exporter's role may not read (it needs SELECT or USAGE), or that "
    "are locked now.",
    ("datname",),
)

#: pg_sequence_last_value() opens the sequence, and would wait behind ALTER SEQUENCE or TRUNCATE ...
#: RESTART IDENTITY: sequences with a lock that such a command holds or awaits are left out.
_CANDIDATES = """
with sequence as materialized (
    select s.seqrelid, s.seqmax, s.seqmin, s.seqincrement, n.nspname, c.relname,
           not exists (select from pg_locks l
                        where l.relation = c.oid and l.locktype = 'relation'
                          and l.database = (select oid from pg_database
                                             where datname = current_database())
                          and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                                         'AccessExclusiveLock'))
           and has_sequence_privilege(c.oid, 'select, usage') as readable,
           (select case a.atttypid when 'int2'::regtype then 32767 when 'int4'::regtype
                        then 2147483647 end
              from pg_depend d
              join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
             where d.objid = c.oid and d.classid = 'pg_class'::regclass
               and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
             limit 1) as column_max
      from pg_sequence s join pg_class c on c.oid = s.seqrelid
      join pg_namespace n on n.oid = c.relnamespace
     where not s.seqcycle and c.relpersistence <> 't')"""

_SEQUENCES = Query(
    f"""{_CANDIDATES}
select current_database()::text as datname, nspname::text as schemaname,
       relname::text as sequencename, used as postgres_sequence_used_ratio
  from sequence
 cross join lateral (
       select case when readable then pg_sequence_last_value(seqrelid) end as value) as last
 cross join lateral (
       select case when seqincrement > 0
                   then (value - seqmin + 1)::float8
                        / (least(seqmax, column_max)::float8 - seqmin + 1)
                   else (seqmax::float8 - value + 1) / (seqmax::float8 - seqmin + 1)
              end as used) as share
 where used is not null
 order by used desc, 2, 3
 limit {_SHOWN}
""",
    on="primary",
)
_UNREADABLE = Query(
    f"""{_CANDIDATES}
select current_database()::text as datname,
       count(*) filter (where not readable) as postgres_sequences_unreadable
  from sequence
""",
    on="primary",
)

SEQUENCES: Collector[None] = Collector(
    name="sequences",
    help="Sequences that run out, read every five minutes.",
    sources=("pg_sequence", "pg_sequence_last_value()"),
    families=(USED, UNREADABLE),
    queries=(_SEQUENCES, _UNREADABLE),
    cost="moderate",
    ttl=300.0,
)
