"""The sessions that may be Liquibase's, from pg_stat_activity.

A session counts if it has one of the configured names, or if its login may write the guarded table:
as the owner, as a member of the owner or of a role with the privilege (SET ROLE), or by the
privilege itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows

#: Only so many sessions are returned; if there are more, no holder is ever missed.
MAX_SESSIONS = 200
#: Seconds after which a session without a transaction is plainly idle: its statistics have arrived.
PLAINLY_IDLE = 12.0

#: Statements after which a run that waits for the lock is idle in its transaction (Liquibase 4.20
#: to 5.0). A holder may be idle there too, while it works outside of the database.
_POLLS_LOCK = r"^\s*(set|show)\s+search_path\M"
#: Statements that only a run without the lock repeats.
_READS_LOCK = r"^\s*select\s+(locked\s+from\M|pg_(catalog\.)?try_advisory_lock)"
#: Clients that are never Liquibase although their user may be its owner.
_OTHER_CLIENTS = r"^(psql$|pgAdmin|DBeaver|DataGrip|pg_dump|pg_restore|pg_basebackup)"

#: Parameters: the names (a text array), the guarded table, the privilege that a run needs on it,
#: the moment before which an idle session without a name does not matter (seconds since the epoch),
#: the class IDs of advisory locks (an oid array), and whether only these locks are expected.
READ_SESSIONS = Query(
    f"""
with key as materialized (
    select pid, objid::int8 as objid from pg_locks
     where locktype = 'advisory' and objsubid = 2 and granted and classid = any($5::text::oid[])
       and database = (select oid from pg_database where datname = current_database())
), session as materialized (
    select a.*, a.application_name = any($1::text::text[]) as named
      from pg_stat_activity a
     where a.datname = current_database() and a.backend_type = 'client backend'
       -- neither the exporter nor the wrapper, which connects as the role that migrates
       and a.application_name <> current_setting('application_name')
       and a.application_name not like 'pg-migration-exporter%'
       and (a.application_name = any($1::text::text[])
            or (a.state is distinct from 'idle'
                or a.state_change >= least(to_timestamp($4::text::float8),
                                           clock_timestamp() - interval '{PLAINLY_IDLE:.0f} s'))
               and a.application_name !~* '{_OTHER_CLIENTS}'
            or $6::text::bool and a.pid in (select pid from key))
), login as materialized (
    select distinct usesysid as oid from session where not named
), migrator as materialized (
    select login.oid from login, pg_class c
     where c.oid = $2::text::oid
       and (pg_has_role(login.oid, c.relowner, 'member')
            or has_table_privilege(login.oid, c.oid, $3::text)
            or exists (select from aclexplode(c.relacl) acl
                        where acl.privilege_type = upper($3::text) and acl.grantee <> 0
                          and pg_has_role(login.oid, acl.grantee, 'member')))
)
select pid, named, coalesce(host(client_addr), 'local') as address,
       extract(epoch from backend_start)::float8 as started,
       extract(epoch from state_change)::float8 as changed,
       extract(epoch from xact_start)::float8 as began,
       state is not distinct from 'idle' as is_idle,
       state is not distinct from 'active' as is_active,
       case when state = 'active' then left(query, 1000) else '' end as statement,
       query ~* '{_POLLS_LOCK}' and state is not distinct from 'idle in transaction'
       as polls_lock,
       query ~* '{_READS_LOCK}' as reads_lock,
       wait_event_type is not distinct from 'Lock' as awaits_lock,
       case when wait_event_type = 'Lock' then pg_blocking_pids(pid) else '{{}}' end as blockers,
       (select objid from key where key.pid = session.pid limit 1) as key
  from session
 where named or usesysid in (select oid from migrator)
       or $6::text::bool and pid in (select pid from key)
 order by wait_event_type is not distinct from 'Lock' desc, named desc, backend_start
 limit {MAX_SESSIONS}
"""
)


@dataclass(frozen=True, slots=True, order=True)
class SessionId:
    """A session of the server: a process ID is used again, its start is not."""

    pid: int
    started: float


@dataclass(frozen=True, slots=True)
class Session:
    """One row of `READ_SESSIONS`. Times in seconds since the epoch.

    `changed` is None if the server does not track activities, `began` without a transaction. `key`
    is the object ID of the advisory lock that it holds.
    """

    pid: int
    named: bool
    address: str
    started: float
    changed: float | None
    began: float | None
    is_idle: bool
    is_active: bool
    statement: str
    polls_lock: bool
    reads_lock: bool
    awaits_lock: bool
    blockers: Sequence[int]
    key: int | None

    @property
    def id(self) -> SessionId:
        """What stays the same as long as it is connected."""
        return SessionId(self.pid, self.started)

    def idle_for(self, now: float) -> float:
        """Return the seconds for which it has been idle, outside of a transaction."""
        return now - self.changed if self.is_idle and self.changed is not None else 0.0

    def quiet_for(self, now: float) -> float:
        """Return the seconds for which it has executed nothing, in a transaction or not."""
        return now - self.changed if not self.is_active and self.changed is not None else 0.0

    def in_transaction_for(self, now: float) -> float:
        """Return the age of its transaction in seconds."""
        return now - self.began if self.began is not None and not self.is_idle else 0.0

    def is_working(self, now: float) -> bool:
        """Whether it waits for a lock, has a transaction for 1 s, or did something in 2 s."""
        is_recent = self.changed is None or now - self.changed < 2
        return (
            self.awaits_lock
            or self.in_transaction_for(now) > 1
            or (is_recent and now - self.started > 3)
        )


def read_sessions(rows: Rows) -> list[Session]:
    """Return the rows of `READ_SESSIONS`."""
    return [Session(**row) for row in rows.named()]
