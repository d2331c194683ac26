"""Rights of the exporter's role that it does not need: what it has, others may take through it."""

from __future__ import annotations

from pg_migration_exporter.postgres.rows import Rows

#: A row for each right. Roles that pg_monitor includes are what it needs; a superuser has all.
SQL = """
with own as (select * from pg_roles where rolname = current_user),
relation as (
    select c.oid::regclass::text as name,
           pg_has_role(c.relowner, 'usage') as owns
      from pg_class c
     where c.relkind in ('r', 'p', 'v', 'f') and c.oid >= 16384 and c.relpersistence <> 't'
       and has_table_privilege(c.oid, 'insert, update, delete, truncate')
)
select excess from own cross join lateral (values
       (rolsuper, 'SUPERUSER'), (rolcreaterole, 'CREATEROLE'), (rolcreatedb, 'CREATEDB'),
       (rolreplication, 'REPLICATION'), (rolbypassrls, 'BYPASSRLS')) as has (it, excess)
 where it
union all
select 'member of ' || quote_ident(r.rolname) from pg_roles r, own
 where not own.rolsuper and r.oid <> own.oid and pg_has_role(r.oid, 'member')
   and r.rolname not in ('pg_monitor', 'pg_read_all_settings', 'pg_read_all_stats',
                         'pg_stat_scan_tables')
union all
select (select 'may write ' || count(*) || ' tables, such as ' || min(name) from relation)
  from own where not own.rolsuper and exists (select from relation)
union all
select (select 'owns ' || count(*) || ' tables, such as ' || min(name) from relation where owns)
  from own where not own.rolsuper and exists (select from relation where owns)
"""


def warning(usename: str, rights: Rows) -> str | None:
    """Return what the role has beyond its needs, None if that is nothing."""
    if not rights.rows:
        return None
    found = ", ".join(right for (right,) in rights.rows)
    return (
        f"role {usename} has more rights than it needs: {found}. It needs pg_monitor, and SELECT "
        "on Liquibase's tables (sql/grants.sql)"
    )
