"""Liquibase's own statements in pg_stat_statements: how often the lock was taken and released.

A preview and a run with nothing to do only release the lock; `update-count` and `update-to-tag`
release it twice (measured on Liquibase 4.27 to 5.0). Row counters cannot tell these apart, and
arrive late from a session that stays connected.
"""

from __future__ import annotations

from dataclasses import dataclass

from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows

#: $1: the name of the lock table. Constants are parameters in these texts, functions are not.
COUNT = Query(
    """
select coalesce(sum(s.calls) filter (where s.query ~* 'and\\s+locked\\s*='), 0)::int8 as takes,
       coalesce(sum(s.calls) filter (where s.query !~* 'and\\s+locked\\s*='), 0)::int8 as releases,
       count(*) filter (where s.query is null or s.query = '<insufficient privilege>') as hidden
  from {schema}.pg_stat_statements(true) s
 where s.dbid = (select oid from pg_database where datname = current_database())
   and (s.query is null or s.query = '<insufficient privilege>'
        or s.query ~* '^\\s*update\\s' and s.query ~* '\\sset\\s+locked\\s*='
           and position(lower($1) in lower(s.query)) > 0)
"""
)


@dataclass(frozen=True, slots=True)
class LockStatements:
    """Calls of the statements that take and release the lock, since the statistics were reset."""

    takes: int
    releases: int

    @classmethod
    def read(cls, answer: Rows) -> LockStatements | None:
        """Return the row of `COUNT`; None if texts are hidden or lost: no count is then known."""
        [(takes, releases, hidden)] = answer.rows
        return None if hidden else cls(takes, releases)

    def since(self, before: LockStatements | None) -> LockStatements | None:
        """Return the calls since `before`; None without any: dropped, or not tracked."""
        if before is None or self == before:
            return None
        if self.takes < before.takes or self.releases < before.releases:
            return None
        return LockStatements(self.takes - before.takes, self.releases - before.releases)
