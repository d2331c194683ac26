"""Resources that an exporter used: CPU, memory, database time."""

from __future__ import annotations

import operator
import time
from dataclasses import astuple, dataclass
from pathlib import Path

from testbed.database import Database
from testbed.postgres import Server

_CPUCLOCK_SCHED = 2

#: `calls` and times of everything that a role ran (PostgreSQL, "pg_stat_statements").
_STATEMENTS = """
SELECT coalesce(sum(calls), 0)::int, coalesce(sum(total_plan_time + total_exec_time), 0) / 1000
  FROM pg_stat_statements WHERE userid = %s::regrole
"""

_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, ended threads included.

    The clock that clock_getcpuclockid(3) returns for a process: nanoseconds, where /proc has
    hundredths of a second.
    """
    return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)


def resident_bytes(pid: int) -> int:
    """Resident set size of a process (proc(5), VmRSS of status)."""
    status = Path(f"/proc/{pid}/status").read_text()
    [kilobytes] = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(kilobytes) * 1024


@dataclass(frozen=True, slots=True)
class Account:
    """Resources that an exporter has used so far; times in seconds."""

    cpu: float
    statements: int
    database_time: float
    #: Sessions begun, those that have ended included.
    sessions: int

    def since(self, before: Account) -> Account:
        """Return the resources used since `before` was read."""
        then, now = astuple(before), astuple(self)
        return Account(*map(operator.sub, now, then))


def read_account(server: Server, database: Database, role: str, pid: int) -> Account:
    """Read the account of the exporter `pid` that connects as `role`.

    Sessions are counted in the server's log: pg_stat_database counts them by database only.
    """
    statements, seconds = database.execute(_STATEMENTS, [role])[0]
    sessions = server.process.output().count(f" connection authorized: user={role} ")
    return Account(cpu_seconds(pid), statements, float(seconds), sessions)


def count_connections(database: Database, role: str) -> int:
    """Return the number of connections that `role` has now."""
    return int(database.value(_CONNECTIONS, [role]))
