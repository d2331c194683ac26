"""The report of one Liquibase run, and its JSON.

The wrapper writes it from the start of the run on, each time completely, and the exporter reads it.
A report may come from another version or from an untrusted source: unknown keys are ignored, texts
are made storable and cut, everything else is validated.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
)

from pg_migration_exporter.config.servers import normalize_server
from pg_migration_exporter.liquibase import commands
from pg_migration_exporter.log import redact

#: Path of the exporter's HTTP endpoint for reports.
REPORTS_PATH = "/api/v1/reports"
#: Bytes; every reader rejects a longer report.
MAX_BYTES = 4 << 20
#: The latest results are listed; earlier ones are counted in `changesets_omitted`.
MAX_CHANGESETS = 1000
#: Seconds between two reports of a wrapper during a run.
HEARTBEAT_INTERVAL = 15.0
_LONGEST_TEXT = 1000
#: Seconds by which the clock of a wrapper may be ahead.
_CLOCK_AHEAD = 60.0
#: Characters that jsonb or UTF-8 cannot store, or that would break a line.
_NOT_STORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")


class Outcome(StrEnum):
    """The outcome of a run."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    #: Ended by a signal.
    KILLED = "killed"


class Result(StrEnum):
    """The result of one changeset."""

    RUNNING = "running"
    ROLLING_BACK = "rolling_back"
    RAN = "ran"
    FAILED = "failed"
    #: Failed with failOnError=false: the run goes on, the history has no row.
    FAILURE_IGNORED = "failure_ignored"
    #: A precondition with MARK_RAN failed: the history has a row, nothing was executed.
    MARKED_RAN = "marked_ran"
    #: A precondition with CONTINUE failed, or no change of it is for this database.
    SKIPPED = "skipped"
    ROLLED_BACK = "rolled_back"
    #: Running when the run was killed.
    INTERRUPTED = "interrupted"


def _clean(value: object) -> object:
    if not isinstance(value, str):
        return value
    return _NOT_STORABLE.sub(" ", value).strip()[:_LONGEST_TEXT]


def _without_credentials(file: str) -> str:
    """Return a URL of a file without user, password and query; anything else unchanged."""
    scheme, separator, rest = file.partition("://")
    if not separator:
        return file
    return f"{scheme}://{re.split('[?#]', rest)[0].rpartition('@')[2]}"


Text = Annotated[str, BeforeValidator(_clean)]
#: Seconds since the epoch on the wrapper's clock, or a duration in seconds.
Seconds = Annotated[float, Field(ge=0, lt=1e11, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=1 << 53)]


class _ReportModel(BaseModel):
    """Common configuration of the report and its parts."""

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)


class ChangesetReport(_ReportModel):
    """One changeset; `identity` is path::id::author, `duration` None unless Liquibase logs it."""

    identity: Text
    result: Result
    duration: Seconds | None = None


class RunTarget(_ReportModel):
    """What was migrated, as far as the wrapper could find out; "" is unknown.

    `servers` are HOST:PORT of the JDBC URL, empty if the server is known anyway; `changelog` is
    the history (schema.table), `changelog_file` the root file as passed to Liquibase.
    """

    servers: Annotated[tuple[Text, ...], Field(max_length=16)] = ()
    database: Text = ""
    changelog: Text = ""
    changelog_file: Annotated[Text, AfterValidator(_without_credentials)] = ""


class Summary(_ReportModel):
    """Liquibase's UPDATE SUMMARY; `filtered` counts by reason ("Context mismatch", ...)."""

    run: Count = 0
    previously_run: Count = 0
    filtered_out: Count = 0
    total: Count = 0
    filtered: Annotated[dict[Text, Count], Field(max_length=32)] = Field(default_factory=dict)


class Failure(_ReportModel):
    """Why the run failed. `changeset` is "" if none caused it; `reason` contains no SQL."""

    changeset: Text = ""
    reason: Annotated[Text, AfterValidator(redact)]


class Report(_ReportModel):
    """One run of Liquibase. Times in seconds since the epoch, on the clock of `host`."""

    format: Literal[1] = 1
    run_id: UUID
    host: Text
    pid: Count
    #: Liquibase's command ("update"), "" if unknown.
    command: Text = ""
    target: RunTarget = RunTarget()
    started: Seconds
    #: When the wrapper wrote this report.
    updated: Seconds
    ended: Seconds | None = None
    outcome: Outcome = Outcome.RUNNING
    #: As in a shell: 128 + n for signal n.
    exit_code: Annotated[int, Field(ge=0, le=255)] | None = None
    failure: Failure | None = None
    changesets: Annotated[tuple[ChangesetReport, ...], Field(max_length=MAX_CHANGESETS)] = ()
    changesets_omitted: Count = 0
    summary: Summary | None = None
    liquibase_version: Text = ""
    #: As in the history's column of that name.
    deployment_id: Text = ""
    #: Whether it took the changelog lock; None if that is not known.
    lock_taken: bool | None = None
    #: What is missing in this report, and why; "" if nothing is.
    limitation: Text = ""
    _received: float = PrivateAttr(default=0.0)

    def received_at(self, received: float) -> Report:
        """Return it as received at a time of the exporter's or the database's clock.

        No time of it is later than a minute after that: a clock that is ahead must not hide what
        comes later.
        """
        latest = received + _CLOCK_AHEAD
        given = {"started": self.started, "updated": self.updated, "ended": self.ended}
        times = {name: time and min(time, latest) for name, time in given.items()}
        report = self.model_copy(update=times)
        report._received = received
        return report

    @property
    def order(self) -> tuple[bool, float, float]:
        """Sorts reports: runs that have ended by receipt, after the others by their start."""
        if self.ended is None:
            return (False, self.started, 0.0)
        return (True, self._received, self.ended)

    def is_newer(self, other: Report) -> bool:
        """Whether it replaces another one of the same run: its end is its last report."""
        if (self.ended is None) != (other.ended is None):
            return self.ended is not None
        return self.updated > other.updated

    @property
    def is_migration(self) -> bool:
        """False for commands that only read. An unknown command counts as a migration."""
        return not self.command or self.command in commands.MIGRATING

    @property
    def is_idle(self) -> bool:
        """Whether an application (which has no exit code) had nothing to do."""
        succeeded = self.outcome is Outcome.SUCCEEDED
        return succeeded and self.exit_code is None and not self.changesets

    @property
    def failed_at_changeset(self) -> bool:
        """Whether a changeset made the run fail."""
        return self.failure is not None and bool(self.failure.changeset)

    def is_about(self, database: str, changelog: str) -> bool:
        """Whether it may be about a migration of this history; `changelog` is schema.table.

        An unknown target may be any.
        """
        if not self.is_migration:
            return False
        return self.target.database in ("", database) and self.target.changelog in ("", changelog)

    def is_from(self, servers: Collection[str]) -> bool:
        """Whether it may be about one of these servers (`normalize_server`); none mean any."""
        reported = self.target.servers
        if not servers or not reported:
            return True
        return any(normalize_server(server) in servers for server in reported)


def parse_report(content: str | bytes) -> Report:
    """Parse JSON. Raises ValueError, which names the problem and quotes nothing."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"longer than {MAX_BYTES} bytes")
    try:
        return Report.model_validate_json(content)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        texts = [
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems[:5]
        ]
        raise ValueError("; ".join(texts)) from None


def latest_report(reports: Iterable[Report]) -> Report | None:
    """Return the run whose end was received last; if none has ended, the one that started last.

    An application that has nothing to do after a changeset has failed does not have this
    changeset, like a replica of the previous release: the failure remains the latest.
    """
    latest: Report | None = None
    for report in sorted(reports, key=lambda report: report.order):
        if latest is None or not (latest.failed_at_changeset and report.is_idle):
            latest = report
    return latest
