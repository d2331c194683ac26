"""The roles: the one that migrates is careful, and applications cannot change the schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pg_migration_exporter.formatting import count
from pg_migration_exporter.gate.check import BuiltIn, Evidence, Finding, none_of
from pg_migration_exporter.gate.profile import Profile
from pg_migration_exporter.postgres.query import Query, array

_TIMEOUTS = ("lock_timeout", "statement_timeout")


def _timeout(name: str) -> str:
    """Return SQL for a setting of the role `r`, as its sessions in this database begin.

    The most specific one counts (PostgreSQL, "ALTER ROLE"); null if neither role nor database has
    one.
    """
    return f"""(
    select pg_catalog.split_part(setting, '=', 2)
      from pg_db_role_setting s, unnest(s.setconfig) as setting
     where s.setrole in (0, r.oid) and setting like '{name}=%'
       and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
     order by s.setrole = 0, s.setdatabase = 0 limit 1)"""


#: $1: the roles.
_MIGRATORS = Query(
    f"""
select w.role, r.oid is not null as is_there,
       exists (select from pg_roles s where s.rolsuper and pg_has_role(r.oid, s.oid, 'member'))
       as is_superuser,
       {_timeout("lock_timeout")} as lock_timeout,
       {_timeout("statement_timeout")} as statement_timeout
  from unnest($1::text::text[]) as w (role) left join pg_roles r on r.rolname = w.role
"""
)
#: $1: the roles, $2: the schemas, all but the system's if it is empty. The rights of a member count
#: even if it has to SET ROLE first.
_APPLICATIONS = Query(
    """
select w.role, r.oid is not null as is_there,
       exists (select from pg_roles s where s.rolsuper and pg_has_role(r.oid, s.oid, 'member'))
       as is_superuser,
       has_database_privilege(r.oid, current_database(), 'create') as makes_schemas,
       array(select n.nspname::text from pg_namespace n
              where n.nspname = any(chosen.schemas)
                and has_schema_privilege(r.oid, n.oid, 'create') order by 1) as makes_tables,
       (select count(*)::int4 from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = any(chosen.schemas) and c.relkind in ('r', 'p', 'v', 'm', 'f')
           and pg_has_role(r.oid, c.relowner, 'member')) as owned
  from unnest($1::text::text[]) as w (role) left join pg_roles r on r.rolname = w.role
 cross join (select array(select nspname from pg_namespace
                           where ($2::text = '{}' or nspname = any($2::text::text[]))
                             and nspname <> 'information_schema' and nspname !~ '^pg_')
             as schemas) as chosen
"""
)


def _migrators(evidence: Evidence) -> Finding:
    found = [problem for row in evidence.rows for problem in _of_migrator(row)]
    limits = (
        ", ".join([row["role"], *(f"{name} {row[name]}" for name in _TIMEOUTS)])
        for row in evidence.rows
    )
    return none_of(found, "; ".join(limits))


def _of_migrator(row: Mapping[str, Any]) -> Iterator[str]:
    role = row["role"]
    if not row["is_there"]:
        yield f"{role} does not exist"
        return
    if row["is_superuser"]:
        yield f"{role} is a superuser, or can become one"
    for name in _TIMEOUTS:
        if row[name] is None or not row[name].strip("0msinhd "):
            yield f"{role} has no {name}"


def _applications(evidence: Evidence) -> Finding:
    found = [problem for row in evidence.rows for problem in _of_application(row)]
    return none_of(found, ", ".join(row["role"] for row in evidence.rows))


def _of_application(row: Mapping[str, Any]) -> Iterator[str]:
    role = row["role"]
    if not row["is_there"]:
        yield f"{role} does not exist"
        return
    if row["is_superuser"]:
        yield f"{role} is a superuser, or can become one"
        return
    if row["makes_schemas"]:
        yield f"{role} can create schemas"
    if row["makes_tables"]:
        yield f"{role} can create tables in {', '.join(row['makes_tables'])}"
    if row["owned"]:
        yield f"{role} owns {count(row['owned'], 'table')}, itself or by membership"


def _roles_and_schemas(profile: Profile) -> tuple[str, ...]:
    return array(profile.applications), array(profile.schemas)


ROLES = (
    BuiltIn(
        name="migrators_are_careful",
        phases=("pre",),
        severity="critical",
        summary="The roles that migrate have a lock_timeout and a statement_timeout, and are no "
        "superusers.",
        remedy="ALTER ROLE migrator SET lock_timeout = '5s', and statement_timeout = '30min'; let "
        "no superuser migrate.",
        judge=_migrators,
        query=_MIGRATORS,
        parameters=lambda profile: (array(profile.migrators),),
        profile_key="migrators",
        on_failure="abort",
    ),
    BuiltIn(
        name="applications_have_no_ddl",
        phases=("pre", "post"),
        severity="critical",
        summary="The roles of applications cannot change the schema.",
        remedy="Revoke CREATE on the schemas, and let another role own the tables.",
        judge=_applications,
        query=_APPLICATIONS,
        parameters=_roles_and_schemas,
        profile_key="applications",
        on_failure="abort",
    ),
)
