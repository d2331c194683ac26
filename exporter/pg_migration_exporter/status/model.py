"""The model that /api/v1/status, the page and the terminal share; docs/status.schema.json is it.

Times are seconds since the epoch, durations and ages seconds, ratios 0 to 1. What is not known is
null or left out of its list, never zero.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pg_migration_exporter.config.checks import Phase, Severity
from pg_migration_exporter.liquibase.state import texts
from pg_migration_exporter.liquibase.state.decide import MigrationState, Source

#: Where the exporter serves it.
STATUS_PATH = "/api/v1/status"
#: How urgent something is for the reader.
Level = texts.Level
Question = Literal[
    "Is it moving?", "Does it hurt anyone?", "Did it work?", "Can this page be trusted?"
]
LEVELS: tuple[Level, ...] = ("critical", "attention", "unknown", "info", "ok")


def _clean(value: object) -> object:
    """Bytes that are no UTF-8 (see postgres/rows.py) are shown as \\xff."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "" if value is None else value


Text = Annotated[str, BeforeValidator(_clean)]
Seconds = Annotated[float, Field(ge=0)]
Ratio = Annotated[float, Field(ge=0)]


class Model(BaseModel):
    """What all parts have in common."""

    model_config = ConfigDict(frozen=True)


class Runbook(Model):
    """What to do about one alert; `url` where the configuration says where runbooks are."""

    alert: str
    url: str | None


class Verdict(Model):
    """The state in words for someone on call: what is the case, why, and what to do."""

    level: Level
    state: Text = Field(description="A word or two: `running, blocked`.")
    title: Text
    reason: Text
    steps: Text = ""
    runbook: Runbook | None = None


class Answer(Model):
    """One of the questions that everybody asks of a migration, answered."""

    question: Question
    level: Level
    answer: Text
    detail: Text
    runbook: Runbook | None = Field(None, description="Of what is wrong; null if nothing is.")


class Server(Model):
    """The PostgreSQL server. `reached` is null before the first look."""

    address: Text
    reached: bool | None
    problem: Text | None = None
    version: Text | None = None
    role: Literal["primary", "standby"] | None = None
    started: float | None = None


class Migration(Model):
    """One changelog. Counts are null where they are not known: `pending` needs changelog files."""

    datname: Text
    changelog: Text
    status: MigrationState
    blocked: bool
    inferred: bool
    source: Source
    verdict: Verdict
    meaning: Text
    seen_seconds_ago: Seconds
    applied: int | None
    pending: int | None
    next_changesets: list[Text]
    failed_changeset: Text | None
    lock_held: bool | None
    locked_by: Text | None
    lock_seconds: Seconds | None
    statement: Text | None = Field(description="Kind of the statement that it executes now.")
    facts: list[Text]
    doubts: list[Text]
    advice: list[Text]


class Locker(Model):
    """The session that an index build waits for."""

    application_name: Text
    state: Text
    transaction_seconds: Seconds


class IndexBuild(Model):
    """An index build in progress. `eta_seconds` is null while the build stands still."""

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

    The baseline is what was usual before the run in progress began; without a run, before now.
    """

    datname: Text
    now_seconds: Seconds | None
    baseline_seconds: Seconds | None


class TopStatement(Model):
    """One of the statements that took most time, counted since the exporter started."""

    datname: Text
    usename: Text
    queryid: str
    calls: int
    seconds: Seconds
    rows: int
    text: Text | None = Field(description="Normalised; null unless statements.text is configured.")


class StatusEvent(Model):
    """Something that began or ended."""

    number: int = Field(description="Grows by one with each event since the exporter started.")
    time: float
    kind: Text
    datname: Text
    subject: Text
    level: Level
    text: Text = Field(description="A sentence that tells it.")
    details: dict[str, Text | float | int]


class CheckStatus(Model):
    """A check of the configuration in one database; `passes` is null while it gives no answer."""

    name: str
    help: Text = Field(description="What holds when it passes.")
    phase: Phase
    severity: Severity
    datname: Text = Field(description="Empty where it runs in no database.")
    passes: bool | None
    reason: Text | None = Field(description="In its statement's words, or why it has no answer.")
    matters: bool = Field(description="Whether it is the time of its phase.")
    level: Level


class Collector(Model):
    """A part of the exporter and whether it answered; `reason` says what is wrong, or missing."""

    name: str
    state: Literal["answered", "failed", "skipped"]
    reason: Text | None
    seconds: Seconds | None


class TargetStatus(Model):
    """One PostgreSQL server and everything that is known of it."""

    name: Text
    verdict: Verdict
    age_seconds: Seconds | None = Field(description="Age of what is shown; null if never asked.")
    answers: list[Answer]
    server: Server
    databases: dict[Text, bool] = Field(description="Those watched, and whether each answered.")
    migrations: list[Migration]
    checks: list[CheckStatus] = Field(description="Those that ask for most first.")
    index_builds: list[IndexBuild]
    invalid_indexes: list[InvalidIndex]
    waits: Waits | None
    pools: list[Pool]
    replicas: list[Replica]
    latencies: list[Latency]
    statements: list[TopStatement] = Field(description="Those with most time, the first one first.")
    collectors: list[Collector]
    events: list[StatusEvent] = Field(description="The latest 1,000, the latest one first.")


class Status(Model):
    """Everything, the worst target first."""

    version: str = Field(description="Of the exporter.")
    time: float
    targets: list[TargetStatus]
