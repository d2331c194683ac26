"""The report of one Liquibase run: what the wrapper saw, and the JSON that it travels as.

The wrapper writes it from the start of the run on, each time whole, and the exporter reads it. What
arrives may come from another version or from a stranger: unknown keys are ignored, texts are made
storable and cut, everything else is validated.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pg_migration_exporter.config.servers import normalize_server
from pg_migration_exporter.liquibase import commands

#: Where the exporter takes reports over HTTP.
REPORTS_PATH = "/api/v1/reports"
#: Bytes; a longer report is refused by every reader.
MAX_BYTES = 4 << 20
#: The latest results are told one by one; earlier ones are counted in `changesets_omitted`.
MAX_CHANGESETS = 1000
#: Seconds between two signs of life of a wrapper whose run goes on.
SIGN_OF_LIFE_EVERY = 15.0

_ABANDONED_AFTER = 4 * SIGN_OF_LIFE_EVERY
_LONGEST_TEXT = 1000
#: Neither PostgreSQL's jsonb nor UTF-8 holds all of these, and none belongs into one line.
_NOT_STORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")


class Outcome(StrEnum):
    """What became of a run."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    #: Ended by a signal.
    KILLED = "killed"


class Result(StrEnum):
    """What became of one changeset."""

    RUNNING = "running"
    ROLLING_BACK = "rolling_back"
    RAN = "ran"
    FAILED = "failed"
    #: Failed with failOnError=false: the run goes on, the history has no row.
    FAILURE_IGNORED = "failure_ignored"
    #: A precondition with MARK_RAN did not hold: the history has a row, nothing was executed.
    MARKED_RAN = "marked_ran"
    #: A precondition with CONTINUE did not hold, or no change of it is for this database.
    SKIPPED = "skipped"
    ROLLED_BACK = "rolled_back"
    #: Was running when the run was killed.
    INTERRUPTED = "interrupted"


def _clean(value: object) -> object:
    if not isinstance(value, str):
        return value
    return _NOT_STORABLE.sub(" ", value).strip()[:_LONGEST_TEXT]


Text = Annotated[str, BeforeValidator(_clean)]
#: Seconds: since the epoch on the wrapper's clock, or a duration.
Seconds = Annotated[float, Field(ge=0, lt=1e11, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=1 << 53)]


class Part(BaseModel):
    """What the report and its parts have in common."""

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)


class ChangesetReport(Part):
    """One changeset; `identity` is path::id::author. `duration` where Liquibase tells it."""

    identity: Text
    result: Result
    duration: Seconds | None = None


class RunTarget(Part):
    """What was migrated, as far as the wrapper could tell; "" is unknown.

    `servers` are HOST:PORT of the JDBC URL, none where the server is known anyway; `changelog` is
    the history: schema.table, `changelog_file` the root file as Liquibase is given it.
    """

    servers: Annotated[tuple[Text, ...], Field(max_length=16)] = ()
    database: Text = ""
    changelog: Text = ""
    changelog_file: Text = ""


class Summary(Part):
    """Liquibase's UPDATE SUMMARY; `filtered` counts by reason ("Context mismatch", ...)."""

    run: Count = 0
    previously_run: Count = 0
    filtered_out: Count = 0
    total: Count = 0
    filtered: Annotated[dict[Text, Count], Field(max_length=32)] = Field(default_factory=dict)


class Failure(Part):
    """Why the run failed. `changeset` is "" where none is to blame, `reason` has no SQL in it."""

    changeset: Text = ""
    reason: Text


class Report(Part):
    """One run of Liquibase. Times in seconds since the epoch, on the clock of `host`."""

    format: Literal[1] = 1
    run_id: UUID
    host: Text
    pid: Count
    #: Liquibase's command ("update"), "" if it could not be told.
    command: Text = ""
    target: RunTarget = RunTarget()
    started: Seconds
    #: The last sign of life of the wrapper.
    updated: Seconds
    ended: Seconds | None = None
    outcome: Outcome = Outcome.RUNNING
    #: As a shell gives it: 128 + n for signal n.
    exit_code: Annotated[int, Field(ge=0, le=255)] | None = None
    failure: Failure | None = None
    changesets: Annotated[tuple[ChangesetReport, ...], Field(max_length=MAX_CHANGESETS)] = ()
    changesets_omitted: Count = 0
    summary: Summary | None = None
    liquibase_version: Text = ""
    #: As in the history's column of that name.
    deployment_id: Text = ""
    #: What this report cannot tell, and why; "" if nothing is missing.
    limitation: Text = ""

    @property
    def is_migration(self) -> bool:
        """False for commands that only look. An unknown command counts as a migration."""
        return not self.command or self.command in commands.MIGRATING

    def is_under_way(self, now: float) -> bool:
        """False after the end, or where the wrapper has given no sign of life for a minute."""
        return self.ended is None and now - self.updated <= _ABANDONED_AFTER

    def is_about(self, database: str, changelog: str) -> bool:
        """Whether it may be of a migration of this history; `changelog` is schema.table.

        Where the wrapper could not tell, it may be of any.
        """
        if not self.is_migration:
            return False
        return self.target.database in ("", database) and self.target.changelog in ("", changelog)

    def is_from(self, servers: Collection[str]) -> bool:
        """Whether it may be of one of these servers, in `normalize_server`; none means any."""
        told = self.target.servers
        return not servers or not told or any(normalize_server(one) in servers for one in told)


def parse_report(content: str | bytes) -> Report:
    """Read JSON. Raises ValueError, naming what is wrong and nothing of the content."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"longer than {MAX_BYTES} bytes")
    try:
        return Report.model_validate_json(content)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        texts = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problems[:5]]
        raise ValueError("; ".join(texts)) from None


def latest_report(reports: Iterable[Report]) -> Report | None:
    """The run that ended last; where none has ended, the one that started last."""
    return max(reports, key=lambda report: (report.ended or 0.0, report.started), default=None)
