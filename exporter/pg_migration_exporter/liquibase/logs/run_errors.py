"""Which errors of the log are a run's: by time, session, application and role."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from pg_migration_exporter.liquibase.history.tables import ChangelogTables
from pg_migration_exporter.liquibase.logs.log_error import LogError
from pg_migration_exporter.liquibase.run_query import RunQuery
from pg_migration_exporter.postgres.query import Query

#: Whether a login role may write the history: as its owner, as a member of the owner, or by the
#: privilege. Parameters: the role's name, the oid of the history.
READ_MIGRATOR = Query(
    """
select coalesce(bool_or(pg_has_role(r.oid, c.relowner, 'member')
                        or has_table_privilege(r.oid, c.oid, 'insert')), false) as migrates
  from pg_roles r, pg_class c
 where r.rolname = $1 and c.oid = $2::text::oid
"""
)

#: Seconds between the start of a run's session and the first sign of the run: Liquibase reads its
#: files meanwhile. The sessions of an application's pool are older.
_PREPARATION = 60.0
_UNDEFINED_TABLE = "42P01"
_OTHER_CLIENTS = re.compile(
    r"psql$|pgAdmin|DBeaver|DataGrip|pg_dump|pg_restore|pg-migration-exporter", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class RunPeriod:
    """The time in which runs were in progress, in seconds since the epoch on the server's clock.

    `holders` are the process IDs of sessions that held the lock meanwhile.
    """

    began: float
    ended: float
    holders: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class RunErrors:
    """Recognizes the errors of the runs of one changelog."""

    query: RunQuery
    tables: ChangelogTables
    application_names: Collection[str]
    _migrators: dict[str, bool] = field(default_factory=dict)

    async def is_of_run(self, error: LogError, period: RunPeriod) -> bool:
        """Whether a session that ran Liquibase in this time had the error.

        A session of the right role or name that is much older than the run is an application's,
        unless it held the lock.
        """
        if self._is_probe(error):
            return False
        if error.pid in period.holders:
            return True
        if error.started < period.began - _PREPARATION:
            return False
        if error.application in self.application_names:
            return True
        return not _OTHER_CLIENTS.match(error.application) and await self._may_migrate(error.user)

    def _is_probe(self, error: LogError) -> bool:
        """Whether Liquibase only found out that its own tables do not exist."""
        names = [self.tables.history.relname, "databasechangelog"]
        if self.tables.lock is not None:
            names.append(self.tables.lock.relname)
        message = error.message.casefold()
        return error.sqlstate == _UNDEFINED_TABLE and any(
            name.casefold() in message for name in names
        )

    async def _may_migrate(self, user: str) -> bool:
        if user not in self._migrators:
            answer = await self.query(READ_MIGRATOR, user, str(self.tables.history.oid))
            self._migrators[user] = bool(answer.rows[0][0])
        return self._migrators[user]
