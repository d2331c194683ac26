"""Capabilities of a server, database and role, read at every scrape; the plan depends on them.

The query is cheap (it reads no relation of a user) and also shows that the server responds. When
its row differs from the one behind the plan (failover, upgrade, grant), a new plan is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Literal

from pg_migration_exporter.postgres.rows import Rows

#: Role of a server in replication.
Role = Literal["primary", "standby"]

#: The oldest server that every collector runs on.
OLDEST_SUPPORTED = 140000


def _member(catalog: str, prefix: str, name: str) -> str:
    """Return SQL for whether extension `e` has an object of this name in its schema.

    Others may create objects of any name there.
    """
    return (
        f"exists (select from {catalog} o join pg_depend d on d.objid = o.oid"
        f" where o.{prefix}name = '{name}' and o.{prefix}namespace = e.extnamespace"
        f" and d.classid = '{catalog}'::regclass and d.deptype = 'e'"
        " and d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid)"
    )


#: System information functions, "pg_has_role"; a setting of a library that is not loaded is null.
SQL = f"""
select current_setting('server_version_num')::int4 as version_num,
       current_setting('server_version') as version,
       pg_is_in_recovery() as in_recovery,
       current_database()::text as datname,
       current_user::text as usename,
       pg_has_role('pg_read_all_stats', 'usage') as read_all_stats,
       pg_has_role('pg_monitor', 'usage') as monitor,
       coalesce(current_setting('track_commit_timestamp', true)::bool, false) as commit_timestamps,
       (select quote_ident(n.nspname)
          from pg_extension e join pg_namespace n on n.oid = e.extnamespace
         where e.extname = 'pg_stat_statements'
           and current_setting('pg_stat_statements.track', true) is not null
           and {_member("pg_proc", "pro", "pg_stat_statements")}) as statements_schema,
       exists (select from pg_extension e
                where e.extname = 'pg_stat_statements'
                  and {_member("pg_class", "rel", "pg_stat_statements_info")})
       as statements_info,
       (select quote_ident(n.nspname)
          from pg_extension e join pg_namespace n on n.oid = e.extnamespace
         where e.extname = 'pg_stat_monitor'
           and current_setting('pg_stat_monitor.pgsm_max', true) is not null
           and {_member("pg_class", "rel", "pg_stat_monitor")}
           and {_member("pg_proc", "pro", "get_histogram_timings")})
       as statement_monitor_schema,
       array(select datname::text from pg_database
              where datallowconn and not datistemplate and has_database_privilege(oid, 'connect')
              order by datname) as databases,
       array(select datname::text from pg_database
              where not (datallowconn and has_database_privilege(oid, 'connect'))
              order by datname) as refused_databases
"""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One row of `SQL`, column by column. `version_num` as in PG_VERSION_NUM: 150018.

    `databases` are those of the server that the role may connect to, `refused_databases` the
    others; no plan depends on them.
    """

    version_num: int
    version: str
    in_recovery: bool
    datname: str
    usename: str
    read_all_stats: bool
    monitor: bool
    commit_timestamps: bool
    statements_schema: str | None
    statements_info: bool
    statement_monitor_schema: str | None
    databases: tuple[str, ...] = field(default=(), compare=False)
    refused_databases: tuple[str, ...] = field(default=(), compare=False)

    @property
    def role(self) -> Role:
        """The role of the server in replication."""
        return "standby" if self.in_recovery else "primary"

    @classmethod
    def from_rows(cls, rows: Rows) -> Capabilities:
        """Read the only row of the result of `SQL`."""
        row = rows.named()[0]
        return cls(**{column.name: row[column.name] for column in fields(cls)})


@dataclass(frozen=True, slots=True)
class Requirement:
    """A precondition of a collector.

    `reason` is a label value, `need` a short phrase; `remedy` may name {usename} and {version}.
    `report_when_missing` is False for what only some servers have.
    """

    reason: str
    need: str
    is_met: Callable[[Capabilities], bool]
    remedy: str
    report_when_missing: bool = True

    def remedy_for(self, capabilities: Capabilities) -> str:
        """Return what to do on this server, for this role."""
        usename = capabilities.usename.replace('"', '""')
        return self.remedy.format(usename=usename, version=capabilities.version)


READ_ALL_STATS = Requirement(
    "missing_privilege",
    "pg_monitor",
    lambda capabilities: capabilities.read_all_stats,
    'GRANT pg_monitor TO "{usename}";',
)
#: For what pg_read_all_stats alone does not allow: listing the files of the server.
MONITOR = Requirement(
    READ_ALL_STATS.reason,
    READ_ALL_STATS.need,
    lambda capabilities: capabilities.monitor,
    READ_ALL_STATS.remedy,
)
STATEMENTS = Requirement(
    "missing_extension",
    "pg_stat_statements",
    lambda capabilities: capabilities.statements_schema is not None,
    "add pg_stat_statements to shared_preload_libraries, restart the server, then "
    "CREATE EXTENSION pg_stat_statements;",
)
#: pg_upgrade keeps the old version of an extension; 1.9, of PostgreSQL 14, has `stats_reset` and
#: `toplevel`.
CURRENT_STATEMENTS = Requirement(
    "outdated_extension",
    "its version 1.9",
    lambda capabilities: capabilities.statements_info,
    "the extension lacks pg_stat_statements_info and the column toplevel, which came with its "
    "version 1.9: ALTER EXTENSION pg_stat_statements UPDATE;",
)
STATEMENT_MONITOR = Requirement(
    "missing_extension",
    "pg_stat_monitor",
    lambda capabilities: capabilities.statement_monitor_schema is not None,
    "add pg_stat_monitor to shared_preload_libraries, restart the server, then "
    "CREATE EXTENSION pg_stat_monitor;",
    report_when_missing=False,
)


def server_role(role: Literal["primary", "standby"]) -> Requirement:
    """Return the requirement of a server with that role in replication."""
    return Requirement(
        "server_role",
        f"a {role}",
        lambda capabilities: capabilities.role == role,
        f"it runs on a {role} alone, by its configuration",
    )


def server_version(oldest: int) -> Requirement:
    """Return the requirement of server version `oldest` (as in PG_VERSION_NUM) or newer."""
    return Requirement(
        "server_version",
        f"PostgreSQL {oldest // 10000}",
        lambda capabilities: capabilities.version_num >= oldest,
        f"PostgreSQL {oldest // 10000} or newer is needed, this server is {{version}}",
    )
