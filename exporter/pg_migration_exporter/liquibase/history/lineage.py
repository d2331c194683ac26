"""Which server and database a history belongs to, and whether its past was replaced.

Transaction ids and row counters are comparable only within one past of one server. A backup that is
restored, a standby that is promoted, a new server at the same address and a database that is
created again each begin another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.rows import Rows

_READ = """
select {system} as system,
       case when pg_is_in_recovery() then null
            else left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) end as timeline,
       pg_is_in_recovery() as is_standby,
       (select oid::int8 from pg_database where datname = current_database()) as database,
       pg_snapshot_xmax(pg_current_snapshot())::text::int8 as position
"""
#: Everybody may execute pg_control_system(), unless it was revoked.
READ = Query(_READ.format(system="(select system_identifier::text from pg_control_system())"))
READ_WITHOUT_SYSTEM = Query(_READ.format(system="null::text"))


class Continuity(StrEnum):
    """What happened to the past of a database since it was last read."""

    SAME = "same"
    #: Another server continues it, or this one in another role: row counters begin again.
    SWITCHED = "switched"
    #: Transactions are gone, as after a backup was restored.
    WENT_BACK = "went_back"
    OTHER_DATABASE = "other_database"
    OTHER_SERVER = "other_server"


@dataclass(frozen=True, slots=True)
class Lineage:
    """The identity of a server and its database, and its next transaction id (64 bits).

    `system` is None where it may not be read, `timeline` None on a standby.
    """

    system: str | None
    timeline: str | None
    is_standby: bool
    database: int
    position: int

    @classmethod
    def read(cls, answer: Rows) -> Lineage:
        """Return the row of `READ`."""
        [row] = answer.rows
        return cls(*row)

    def continuity(self, before: Lineage) -> Continuity:
        """Return how this past continues the one of `before`."""
        if None not in (self.system, before.system) and self.system != before.system:
            return Continuity.OTHER_SERVER
        if self.database != before.database:
            is_same = self.system is not None and self.system == before.system
            return Continuity.OTHER_DATABASE if is_same else Continuity.OTHER_SERVER
        if self.is_standby != before.is_standby:
            return Continuity.SWITCHED
        if self.position < before.position and not self.is_standby:
            return Continuity.WENT_BACK
        if None not in (self.timeline, before.timeline) and self.timeline != before.timeline:
            return Continuity.SWITCHED
        return Continuity.SAME

    def dump(self) -> dict[str, Any]:
        """Return everything, as JSON."""
        return asdict(self)

    @classmethod
    def load(cls, state: Mapping[str, Any] | None) -> Lineage | None:
        """Restore from `dump`. Raises TypeError for invalid data."""
        return _CHECKED.validate_python(asdict(cls(**state))) if state else None


_CHECKED = TypeAdapter(Lineage)
