"""What one server, database and role can do: asked at every scrape, the plan depends on it.

The row is cheap (no relation of a user is touched) and also proves that the server answers. When it
differs from the row that the plan was made from (failover, upgrade, grant), a new plan is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Literal

from pg_migration_exporter.postgres.rows import Rows

#: A server's part in replication.
Role = Literal["primary", "standby"]

#: The oldest server that every collector runs on.
OLDEST_SUPPORTED = 140000

#: System information functions, "pg_has_role"; a setting of a library that is not loaded is null.
SQL = """
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
           and current_setting('pg_stat_statements.track', true) is not null) as statements_schema,
       exists (select from pg_extension e join pg_class c on c.relnamespace = e.extnamespace
                where e.extname = 'pg_stat_statements' and c.relname = 'pg_stat_statements_info')
       as statements_info,
       (select quote_ident(n.nspname)
          from pg_extension e join pg_namespace n on n.oid = e.extnamespace
         where e.extname = 'pg_stat_monitor'
           and current_setting('pg_stat_monitor.pgsm_max', true) is not null)
       as statement_monitor_schema,
       array(select datname::text from pg_database
              where datallowconn and not datistemplate and has_database_privilege(oid, 'connect')
              order by datname) as databases
"""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One row of `SQL`, column by column. `version_num` as in PG_VERSION_NUM: 150018.

    `databases` are those of the server that the role may connect to; no plan depends on them.
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

    @property
    def role(self) -> Role:
        """The server's part in replication."""
        return "standby" if self.in_recovery else "primary"

    @classmethod
    def from_rows(cls, answer: Rows) -> Capabilities:
        """Read the only row of `SQL`'s answer."""
        row = answer.named()[0]
        return cls(**{one.name: row[one.name] for one in fields(cls)})


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something a collector cannot do without.

    `reason` is a label value, `need` a few words; `remedy` may name {usename} and {version}.
    `report_when_missing` is False for what only some servers have.
    """

    reason: str
    need: str
    is_met: Callable[[Capabilities], bool]
    remedy: str
    report_when_missing: bool = True

    def remedy_for(self, capabilities: Capabilities) -> str:
        """What to do, for this server and role."""
        usename = capabilities.usename.replace('"', '""')
        return self.remedy.format(usename=usename, version=capabilities.version)


READ_ALL_STATS = Requirement(
    "missing_privilege",
    "pg_monitor",
    lambda capabilities: capabilities.read_all_stats,
    'GRANT pg_monitor TO "{usename}";',
)
#: Also what pg_read_all_stats alone does not allow: to list the server's own files.
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
#: pg_upgrade keeps an extension's old version; 1.9, of PostgreSQL 14, tells resets and who calls.
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
    """A server with that part in replication."""
    return Requirement(
        "server_role",
        f"a {role}",
        lambda capabilities: capabilities.role == role,
        f"it runs on a {role} alone, by its configuration",
    )


def server_version(oldest: int) -> Requirement:
    """A server of version `oldest` (as in PG_VERSION_NUM) or newer."""
    return Requirement(
        "server_version",
        f"PostgreSQL {oldest // 10000}",
        lambda capabilities: capabilities.version_num >= oldest,
        f"PostgreSQL {oldest // 10000} or newer is needed, this server is {{version}}",
    )
