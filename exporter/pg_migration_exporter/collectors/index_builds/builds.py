"""Index builds as they are seen: one look's rows, and what is remembered of each from look to look.

Times are the server's, in seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pg_migration_exporter.collectors.index_builds.progress import Counters, progress_ratio
from pg_migration_exporter.collectors.index_builds.statement import command_of, index_name
from pg_migration_exporter.postgres.rows import Rows

Outcome = Literal["completed", "failed", "invalid"]
#: pid, start of the backend, start of the statement.
Statement = tuple[int, float, float]

_PASSING_NAME = ("_ccnew", "_ccold")


@dataclass(frozen=True, slots=True)
class Sighting:
    """One build in one look.

    `index_relid` is 0 and `indexrelname` may be empty while the new index is not to be seen yet.
    `locker` is the session it waits for: application_name, state, age of its transaction.
    """

    statement: Statement
    now: float
    relid: int
    index_relid: int
    command: str
    schemaname: str
    relname: str
    indexrelname: str
    phase: str
    counters: Counters
    blocked: float
    filenodes: Mapping[int, int | None]
    table_filenode: int
    locker: tuple[str, str, float] | None

    @property
    def ratio(self) -> float | None:
        """Progress by the counters of this moment; None where they tell none."""
        return progress_ratio(self.command, self.phase, self.counters)

    @property
    def lockers(self) -> int:
        """How many transactions it has yet to wait for."""
        done, total = self.counters.lockers
        return max(total - done, 0) if total else int(self.locker is not None)

    @property
    def elapsed(self) -> float:
        """Seconds since the statement began."""
        return max(self.now - self.statement[2], 0.0)


def read_sightings(answer: Rows) -> list[Sighting]:
    """Read the rows of `sql.IN_PROGRESS`; statements that build nothing after all are left out."""
    rows = answer.named()
    sightings = [_sighting(row) for row in rows if row["pid"] is not None]
    return [one for one in sightings if one is not None]


def _sighting(row: Mapping[str, Any]) -> Sighting | None:
    command = row["command"] or command_of(row["statement"])
    if command is None or (command == "ALTER TABLE") != (row["phase"] == "rewriting the table"):
        return None
    relname = row["relname"] or ""
    counts = row["counters"]
    pairs = [(counts[at], counts[at + 1]) for at in range(0, len(counts), 2)]
    return Sighting(
        statement=(row["pid"], row["backend_start"], row["query_start"]),
        now=row["now"],
        relid=row["relid"],
        index_relid=row["index_relid"],
        command=command,
        schemaname=row["schemaname"] or "",
        relname=relname,
        indexrelname=_settled_name(row["indexrelname"]) or index_name(row["statement"], relname),
        phase=row["phase"],
        counters=Counters(*pairs),
        blocked=row["blocked"] or 0.0,
        filenodes=dict(zip(row["indexes"], row["filenodes"], strict=True)),
        table_filenode=row["table_filenode"] or 0,
        locker=_locker(row),
    )


def _locker(row: Mapping[str, Any]) -> tuple[str, str, float] | None:
    if not row["locker"]:
        return None
    return row["locker_application"] or "", row["locker_state"], row["locker_transaction"] or 0.0


def _settled_name(name: str | None) -> str:
    """The name that an index has in the end: REINDEX CONCURRENTLY builds under another."""
    base = (name or "").rstrip("0123456789")
    for suffix in _PASSING_NAME:
        if base.endswith(suffix):
            return base.removesuffix(suffix)
    return name or ""


@dataclass(slots=True)
class Build:
    """What is remembered of one build: how the table looked before, and when it was seen.

    `look` is the number of the latest look that saw it. `filenodes` maps the indexes that the table
    had to their files, keys as text for JSON; that of a partitioned table has none.
    """

    statement: Statement
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
    look: int = 0

    @classmethod
    def begin(cls, seen: Sighting, began: float, look: int) -> Build:
        """Remember a build that is seen for the first time."""
        return cls(
            seen.statement,
            seen.relid,
            seen.index_relid,
            seen.command,
            seen.schemaname,
            seen.relname,
            seen.indexrelname,
            seen.phase,
            began,
            seen.now,
            {str(index): filenode for index, filenode in seen.filenodes.items()},
            seen.table_filenode,
            look,
        )

    def is_of(self, seen: Sighting) -> bool:
        """True if the sighting is of this build; its index may have become visible since."""
        same_table = self.statement == seen.statement and self.relid == seen.relid
        return same_table and self.index_relid in (0, seen.index_relid)

    def see(self, seen: Sighting, look: int) -> None:
        """Note another sighting."""
        self.index_relid, self.look = seen.index_relid, look
        self.indexrelname = seen.indexrelname or self.indexrelname
        self.command, self.phase, self.last_seen = seen.command, seen.phase, seen.now

    def end(self, statement_ended: float | None, *, alone: bool) -> None:
        """Note when the statement ended, where that is known; `alone`: it built nothing else."""
        if alone and statement_ended is not None:
            self.last_seen = statement_ended

    @property
    def traits(self) -> tuple[str, str, str, str]:
        """Parameters of `sql.IS_OPEN`."""
        pid, backend_start, query_start = self.statement
        return str(pid), repr(backend_start), repr(query_start), repr(self.last_seen)

    @property
    def seconds(self) -> float:
        """How long it lasted, as far as it was seen."""
        return max(self.last_seen - self.began, 0.0)

    @property
    def subject(self) -> str:
        """For events: schema.table.index."""
        return ".".join((self.schemaname, self.relname, self.indexrelname or "?"))

    def outcome(self, afterwards: Rows) -> Outcome:
        """How it ended, from the rows of `sql.AFTERWARDS`."""
        rows = afterwards.named()
        if self.command == "ALTER TABLE":
            rewritten = any(row["table_filenode"] != self.table_filenode for row in rows)
            return "completed" if rewritten else "failed"
        made = [row for row in rows if row["indexrelid"] is not None and self._is_made(row)]
        if not made:
            return "failed"
        self.indexrelname = self.indexrelname or made[0]["indexrelname"]
        return "completed" if all(row["valid"] for row in made) else "invalid"

    def _is_made(self, row: Mapping[str, Any]) -> bool:
        """True for an index that this build made or made anew: its file is another than before.

        Built CONCURRENTLY, it may have been there, invalid, at the first sight.
        """
        if self.index_relid:
            if row["indexrelid"] != self.index_relid:
                return False
            if self.command.endswith("CONCURRENTLY"):
                return True
        known = str(row["indexrelid"])
        return known not in self.filenodes or self.filenodes[known] != row["filenode"]

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return asdict(self)

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Build:
        """Make it again from what `dump` returned. Raises KeyError, TypeError or ValueError."""
        pid, backend_start, query_start = state["statement"]
        return cls(**{**state, "statement": (int(pid), backend_start, query_start), "look": 0})
