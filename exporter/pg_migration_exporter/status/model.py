"""The model that /api/v1/status, the page and the terminal share (docs/status.schema.json).

Times are in seconds since the epoch, durations and ages in seconds, ratios from 0 to 1. Unknown
values are null, or missing from their list, never zero.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pg_migration_exporter.config.checks import Phase, Severity
from pg_migration_exporter.liquibase.state import texts
from pg_migration_exporter.liquibase.state.decide import MigrationState, Source

#: The path of the JSON API.
STATUS_PATH = "/api/v1/status"
#: How urgent something is.
Level = texts.Level
Question = Literal[
    "Is it moving?", "Does it hurt anyone?", "Did it work?", "Can this page be trusted?"
]
VerdictName = Literal["go", "hold", "abort"]
#: From the best to the worst.
VERDICTS: tuple[VerdictName, ...] = ("go", "hold", "abort")
LEVELS: tuple[Level, ...] = ("critical", "attention", "unknown", "info", "ok")


def _clean(value: object) -> object:
    """Show bytes that are not UTF-8 (see postgres/rows.py) as \\xff; None becomes empty."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "" if value is None else value


Text = Annotated[str, BeforeValidator(_clean)]
Seconds = Annotated[float, Field(ge=0)]
Ratio = Annotated[float, Field(ge=0)]


class Model(BaseModel):
    """The base of all parts: they do not change."""

    model_config = ConfigDict(frozen=True)


class Runbook(Model):
    """The runbook of one alert; `url` is null unless status.runbooks is configured."""

    alert: str
    url: str | None


class State(Model):
    """The state for someone on call: what is wrong, why, and what to do."""

    level: Level
    state: Text = Field(description="A word or two: `running, blocked`.")
    title: Text
    reason: Text
    steps: Text = ""
    runbook: Runbook | None = None


class VerdictReason(Model):
    """Why the verdict is not go; `name` is an alert's where there is one."""

    name: str
    verdict: VerdictName
    datname: Text = Field(description="Empty for what concerns the whole server.")
    text: Text
    ago_seconds: Seconds | None = Field(
        description="How long it has been over, while it still counts; null while it is true."
    )


class Verdict(State):
    """Go, hold or abort, and the most urgent state behind it."""

    verdict: VerdictName = Field(description="Whether to start a migration, or go on with it.")
    reasons: list[VerdictReason] = Field(description="Why it is not go, the worst first.")
    databases: dict[Text, VerdictName] = Field(description="The verdict on each database.")


class Answer(Model):
    """The answer to one of the main questions about a migration."""

    question: Question
    level: Level
    answer: Text
    detail: Text
    runbook: Runbook | None = Field(None, description="For what is wrong; null if nothing is.")


class Server(Model):
    """The PostgreSQL server. `reached` is null before the first scrape."""

    address: Text
    reached: bool | None
    problem: Text | None = None
    version: Text | None = None
    role: Literal["primary", "standby"] | None = None
    started: float | None = None


class Migration(Model):
    """One changelog. Unknown counts are null: `pending` needs changelog files."""

    datname: Text
    changelog: Text
    status: MigrationState
    blocked: bool
    inferred: bool
    source: Source
    verdict: State
    meaning: Text
    seen_seconds_ago: Seconds
    applied: int | None
    pending: int | None
    next_changesets: list[Text]
    failed_changeset: Text | None
    lock_held: bool | None
    locked_by: Text | None
    lock_seconds: Seconds | None
    statement: Text | None = Field(description="Kind of the statement in progress.")
    facts: list[Text]
    doubts: list[Text]
    advice: list[Text]


class Locker(Model):
    """The session that an index build waits for."""

    application_name: Text
    state: Text
    transaction_seconds: Seconds


class IndexBuild(Model):
    """An index build in progress. `eta_seconds` is null while the build makes no progress."""

    datname: Text
    schemaname: Text
    relname: Text
    indexrelname: Text
    command: Text
    phase: Text | None
    progress: Ratio | None
    elapsed_seconds: Seconds
    eta_seconds: Seconds | None
    lockers: int
    blocked_seconds: Seconds
    locker: Locker | None


class InvalidIndex(Model):
    """An index that no query uses and every write maintains."""

    datname: Text
    schemaname: Text
    relname: Text
    indexrelname: Text
    seconds: Seconds | None


class SessionInfo(Model):
    """A session with the sessions that wait for it; `waits_for` is null at the head of a tree."""

    pid: int
    datname: Text
    usename: Text
    application_name: Text
    state: Text
    is_migration: bool
    transaction_seconds: Seconds | None
    kind: Text
    statement: Text | None = Field(description="Null unless status.statements is configured.")
    waits_for: Text | None
    waited_seconds: Seconds
    waiters: list[SessionInfo]
    waiters_left_out: int = 0


class Waits(Model):
    """Sessions that wait for locks."""

    blocked: int
    longest_seconds: Seconds
    behind_migrations: int
    trees: list[SessionInfo]


class Pool(Model):
    """A pool of connections and how much of it is in use."""

    type: Text
    name: Text
    used: Ratio


class Replica(Model):
    """A standby, or `self` on a standby, and how far behind it is."""

    name: Text
    lag_seconds: Seconds


class Latency(Model):
    """Execution times of a database's statements: 95th percentile, estimated from a histogram.

    The baseline is the latency before the run in progress; without a run, before now.
    """

    datname: Text
    now_seconds: Seconds | None
    baseline_seconds: Seconds | None


class TopStatement(Model):
    """One of the statements with the most time since the exporter started."""

    datname: Text
    usename: Text
    queryid: str
    calls: int
    seconds: Seconds
    rows: int
    text: Text | None = Field(description="Normalized; null unless statements.text is configured.")


class StatusEvent(Model):
    """Something that started, changed or ended."""

    number: int = Field(description="Grows by one with each event since the exporter started.")
    time: float
    kind: Text
    datname: Text
    subject: Text
    level: Level
    text: Text = Field(description="The event as a sentence.")
    details: dict[str, Text | float | int]


class CheckStatus(Model):
    """A configured check in one database; `passes` is null without a result."""

    name: str
    help: Text = Field(description="What is true when it passes.")
    phase: Phase
    severity: Severity
    datname: Text = Field(description="Empty where it runs in no database.")
    passes: bool | None
    reason: Text | None = Field(description="From its statement, or why it has no result.")
    matters: bool = Field(description="Whether its phase is now.")
    level: Level


class Collector(Model):
    """A collector and whether it answered; `reason` is why not."""

    name: str
    state: Literal["answered", "failed", "skipped"]
    reason: Text | None
    seconds: Seconds | None


class TargetStatus(Model):
    """The status of one PostgreSQL server."""

    name: Text
    verdict: Verdict
    age_seconds: Seconds | None = Field(description="Null before the first answer.")
    answers: list[Answer]
    server: Server
    databases: dict[Text, bool] = Field(description="Whether each watched database answered.")
    migrations: list[Migration]
    checks: list[CheckStatus] = Field(description="The most urgent first.")
    index_builds: list[IndexBuild]
    invalid_indexes: list[InvalidIndex]
    waits: Waits | None
    pools: list[Pool]
    replicas: list[Replica]
    latencies: list[Latency]
    statements: list[TopStatement] = Field(description="The one with the most time first.")
    collectors: list[Collector]
    events: list[StatusEvent] = Field(description="The latest 1,000, the latest first.")


class Status(Model):
    """The status of all targets, the worst first."""

    version: str = Field(description="Version of the exporter.")
    time: float
    targets: list[TargetStatus]
