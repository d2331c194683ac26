"""An index build over time: its table before the build, its latest snapshot, its outcome.

Times are the server's, in seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from pg_migration_exporter.collectors.index_builds.snapshot import BuildSnapshot, StatementId
from pg_migration_exporter.postgres.rows import Rows

Outcome = Literal["completed", "failed", "invalid"]


@dataclass(slots=True)
class TrackedBuild:
    """One build, from its first snapshot on.

    `filenodes` maps the indexes that the table had before to their files, keys as text for JSON;
    the index of a partitioned table has none. `read_number` is the latest read with a snapshot.
    """

    statement: StatementId
    relid: int
    index_relid: int
    command: str
    schemaname: str
    relname: str
    indexrelname: str
    phase: str
    began: float
    last_seen: float
    filenodes: dict[str, int | None]
    table_filenode: int
    read_number: int = 0

    @classmethod
    def begin(cls, snapshot: BuildSnapshot, began: float, read_number: int) -> TrackedBuild:
        """Track a build from its first snapshot."""
        return cls(
            snapshot.statement,
            snapshot.relid,
            snapshot.index_relid,
            snapshot.command,
            snapshot.schemaname,
            snapshot.relname,
            snapshot.indexrelname,
            snapshot.phase,
            began,
            snapshot.now,
            {str(index): filenode for index, filenode in snapshot.filenodes.items()},
            snapshot.table_filenode,
            read_number,
        )

    def matches(self, snapshot: BuildSnapshot) -> bool:
        """Return whether the snapshot is of this build; its index may have become visible since."""
        same_table = self.statement == snapshot.statement and self.relid == snapshot.relid
        return same_table and self.index_relid in (0, snapshot.index_relid)

    def update(self, snapshot: BuildSnapshot, read_number: int) -> None:
        """Take another snapshot of the build."""
        self.index_relid = snapshot.index_relid
        self.indexrelname = snapshot.indexrelname or self.indexrelname
        self.command = snapshot.command
        self.phase = snapshot.phase
        self.last_seen = snapshot.now
        self.read_number = read_number

    def end(self, statement_ended: float | None, *, alone: bool) -> None:
        """Note when the statement ended, if known; `alone`: it built nothing else."""
        if alone and statement_ended is not None:
            self.last_seen = statement_ended

    @property
    def parameters(self) -> tuple[str, str, str, str]:
        """Parameters of `sql.IS_OPEN`."""
        statement = self.statement
        times = (statement.backend_start, statement.query_start, self.last_seen)
        backend_start, query_start, last_seen = map(repr, times)
        return str(statement.pid), backend_start, query_start, last_seen

    @property
    def seconds(self) -> float:
        """Its duration, as far as it was observed."""
        return max(self.last_seen - self.began, 0.0)

    @property
    def subject(self) -> str:
        """For events: schema.table.index."""
        return ".".join((self.schemaname, self.relname, self.indexrelname or "?"))

    def outcome(self, afterwards: Rows) -> Outcome:
        """Return how it ended, from the rows of `sql.AFTERWARDS`."""
        rows = afterwards.named()
        if self.command == "ALTER TABLE":
            rewritten = any(row["table_filenode"] != self.table_filenode for row in rows)
            return "completed" if rewritten else "failed"
        built = [row for row in rows if row["indexrelid"] is not None and self._is_built(row)]
        if not built:
            return "failed"
        self.indexrelname = self.indexrelname or built[0]["indexrelname"]
        return "completed" if all(row["valid"] for row in built) else "invalid"

    def _is_built(self, row: Mapping[str, Any]) -> bool:
        """Return whether this build made the index or built it again: its file is a new one.

        Built CONCURRENTLY, it may have been there, invalid, in the first snapshot.
        """
        if self.index_relid:
            if row["indexrelid"] != self.index_relid:
                return False
            if self.command.endswith("CONCURRENTLY"):
                return True
        index = str(row["indexrelid"])
        return index not in self.filenodes or self.filenodes[index] != row["filenode"]

    def dump(self) -> dict[str, Any]:
        """Return everything, as JSON."""
        state = asdict(self)
        state["look"] = state.pop("read_number")
        return state

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> TrackedBuild:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it is not.

        The numbers of reads start again.
        """
        pid, backend_start, query_start = state["statement"]
        fields = {name: value for name, value in state.items() if name != "look"}
        return _CHECKED.validate_python(
            fields | {"statement": (int(pid), backend_start, query_start)}
        )


#: Every value of a restored build has the type that it is declared with.
_CHECKED = TypeAdapter(TrackedBuild)
