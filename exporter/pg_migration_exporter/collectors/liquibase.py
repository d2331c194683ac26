"""Liquibase's migrations: state, lock, history, for every changelog found in the database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pg_migration_exporter.collectors.base import Collector, Scope
from pg_migration_exporter.config.schema import LiquibaseSection
from pg_migration_exporter.families import Family
from pg_migration_exporter.liquibase import tables as sql
from pg_migration_exporter.liquibase.evidence import Evidence, Expected, Reading
from pg_migration_exporter.liquibase.files import ChangelogFiles, files_for
from pg_migration_exporter.liquibase.memory import Counters, Memory
from pg_migration_exporter.liquibase.observe import (
    Observation,
    Observer,
    Subject,
    deployment_time,
)
from pg_migration_exporter.liquibase.state import Status, Verdict, decide
from pg_migration_exporter.liquibase.tables import ChangelogTables, read_tables
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS
from pg_migration_exporter.postgres.session import Rows

_CHANGELOG = ("datname", "changelog")

STATUS = Family(
    "liquibase_migration_status",
    "gauge",
    "State of the migration: 1 for the state it is in, 0 for the others.",
    (*_CHANGELOG, "status"),
)
BLOCKED = Family(
    "liquibase_migration_blocked",
    "gauge",
    "1 while a session of the migration waits for a lock that another session holds.",
    _CHANGELOG,
)
APPLIED = Family("liquibase_changesets_applied", "gauge", "Changesets recorded as run.", _CHANGELOG)
LOCK_HELD = Family(
    "liquibase_lock_held", "gauge", "1 while the row of the lock table says LOCKED.", _CHANGELOG
)
LOCK_AGE = Family(
    "liquibase_lock_age_seconds",
    "gauge",
    "Time since the lock was taken; absent while it is free.",
    _CHANGELOG,
)
LAST_DEPLOYMENT = Family(
    "liquibase_last_deployment_timestamp_seconds",
    "gauge",
    "When the latest changeset was recorded: the commit time, or where the server keeps none "
    "(track_commit_timestamp) the start of its run.",
    _CHANGELOG,
)
LAST_DEPLOYMENT_CHANGESETS = Family(
    "liquibase_last_deployment_changesets",
    "gauge",
    "Changesets that the latest deployment recorded.",
    _CHANGELOG,
)
TAG_PRESENT = Family(
    "liquibase_tag_present", "gauge", "1 for each tag in the history.", (*_CHANGELOG, "tag")
)

PENDING = Family(
    "liquibase_changesets_pending",
    "gauge",
    "Changesets of the changelog files that have not run; absent where the files are not known.",
    _CHANGELOG,
)
UNEXPECTED = Family(
    "liquibase_changesets_unexpected",
    "gauge",
    "Changesets recorded as run that are not in the changelog files.",
    _CHANGELOG,
)
DRIFTED = Family(
    "liquibase_changesets_drifted",
    "gauge",
    "Changesets whose SQL in the files is not what ran: the next update will refuse them.",
    _CHANGELOG,
)
READABLE = Family(
    "liquibase_changelog_readable",
    "gauge",
    "1 if the configured changelog files tell what is expected, 0 if not.",
    _CHANGELOG,
)
FAILURE = Family(
    "liquibase_migration_failure_info",
    "gauge",
    "The failure, as long as the state is failed: the changeset where it is known, and whether it "
    "was reported or inferred; always 1.",
    (*_CHANGELOG, "changeset", "source"),
)
RUN_DURATION = Family(
    "liquibase_run_duration_seconds",
    "gauge",
    "Time since the run in progress took its lock; absent while none is.",
    _CHANGELOG,
)
RUNS = Family(
    "liquibase_runs_total",
    "counter",
    "Runs that were seen to end, by outcome.",
    (*_CHANGELOG, "outcome"),
)
CHANGESET_DURATION = Family(
    "liquibase_changeset_duration_seconds",
    "histogram",
    "Time from one changeset's record to the next one's in the same run.",
    _CHANGELOG,
)


@dataclass(slots=True)
class Discovery:
    """The tables found, and what is remembered of each changelog; durable."""

    settings: LiquibaseSection
    looked_everywhere_at: float = -float("inf")
    elsewhere: Rows | None = None
    saw_none: bool = False
    subjects: dict[str, Subject] = field(default_factory=dict)
    _restored: dict[str, Memory] = field(default_factory=dict)

    def subject(self, tables: ChangelogTables, datname: str, *, only_one: bool) -> Subject:
        """The changelog with these tables; one that was not there before starts from zero."""
        known = self.subjects.get(tables.name)
        if known is not None:
            known.tables = tables
            return known
        memory = self._restored.pop(tables.name, None)
        if memory is None:
            memory = Memory(counters=Counters() if self.saw_none else None)
            memory.last_order = 0 if self.saw_none else None
        section = files_for(self.settings.changelogs, datname, tables.name, only_one=only_one)
        files = ChangelogFiles(section) if section else None
        subject = Subject(tables, memory, files=files)
        self.subjects[tables.name] = subject
        return subject

    def acknowledge(self, changelog: str) -> None:
        """Take the last run's failure of a changelog as known: it is not shown any more."""
        if changelog in self.subjects:
            memory = self.subjects[changelog].memory
            memory.acknowledged_run = memory.run

    def dump(self) -> dict[str, Any]:
        """What a restart must not forget (watch.store.Durable)."""
        memories = self._restored | {name: one.memory for name, one in self.subjects.items()}
        changelogs = {name: memory.dump() for name, memory in memories.items()}
        return {"saw_none": self.saw_none, "changelogs": changelogs}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `dump` returned."""
        self._restored = {name: Memory.load(one) for name, one in state["changelogs"].items()}
        self.saw_none = bool(state["saw_none"])


async def collect(_: Collector, scope: Scope) -> None:
    """Look at every changelog and publish its state."""
    for changelog, subject, observation in await _look(scope):
        _publish(scope, changelog, observation)
        if subject is not None:
            _publish_memory(scope, changelog, subject)


async def watch(scope: Scope) -> bool:
    """Look at every changelog, so that short runs are noticed; True while one is under way."""
    seen = [observation.evidence for _, _, observation in await _look(scope)]
    return any(evidence.lock.locked or evidence.sessions for evidence in seen)


Seen = tuple[str, Subject | None, Observation]


async def _look(scope: Scope) -> list[Seen]:
    """Every changelog by name with what is seen of it; one without a name if there is none."""
    discovery: Discovery = scope.memory
    found = await _discover(scope, discovery)
    observer = Observer(
        scope.query,
        scope.settings.liquibase,
        scope.capabilities.datname,
        scope.events,
        scope.capabilities.commit_timestamps,
    )
    subjects = [
        discovery.subject(tables, scope.capabilities.datname, only_one=len(found) == 1)
        for tables in found
    ]
    observations = await asyncio.gather(*(observer.observe(subject) for subject in subjects))
    discovery.saw_none = not found
    seen: list[Seen] = [
        (subject.tables.name, subject, observation)
        for subject, observation in zip(subjects, observations, strict=True)
    ]
    return seen or [("", None, _nothing(discovery))]


def _nothing(discovery: Discovery) -> Observation:
    reading = Reading.DROPPED if discovery.subjects else Reading.ABSENT
    evidence = Evidence(reading)
    return Observation(evidence, decide(evidence))


async def _discover(scope: Scope, discovery: Discovery) -> list[ChangelogTables]:
    interval = scope.settings.liquibase.discovery_interval
    now = time.monotonic()
    if now - discovery.looked_everywhere_at >= interval:
        discovery.elsewhere = await scope.query(sql.DISCOVER_BY_COLUMNS)
        discovery.looked_everywhere_at = now
        return read_tables(discovery.elsewhere)
    by_name = await scope.query(sql.DISCOVER_BY_NAME)
    return read_tables(discovery.elsewhere, by_name) if discovery.elsewhere else []


def _publish(scope: Scope, changelog: str, observation: Observation) -> None:
    labels = (scope.capabilities.datname, changelog)
    evidence, verdict = observation.evidence, observation.verdict
    for status in Status:
        scope.add(STATUS, int(status is verdict.status), *labels, status)
    if verdict.status is Status.FAILED:
        source = "inferred" if verdict.inferred else "reported"
        scope.add(FAILURE, 1, *labels, verdict.changeset, source)
    if evidence.reading is Reading.COMPLETE:
        _publish_lock(scope, labels, evidence, verdict)
        _publish_files(scope, labels, evidence.expected)


def _publish_lock(
    scope: Scope, labels: tuple[str, str], evidence: Evidence, verdict: Verdict
) -> None:
    scope.add(BLOCKED, int(verdict.blocked), *labels)
    scope.add(LOCK_HELD, int(evidence.lock.locked), *labels)
    if evidence.lock.locked:
        scope.add(LOCK_AGE, evidence.lock.age, *labels)
        if verdict.status is Status.RUNNING:
            scope.add(RUN_DURATION, evidence.lock.age, *labels)


def _publish_files(scope: Scope, labels: tuple[str, str], expected: Expected | None) -> None:
    if expected is None:
        return
    scope.add(READABLE, int(expected.unreadable is None), *labels)
    if expected.unreadable is None:
        scope.add(PENDING, len(expected.pending), *labels)
        scope.add(UNEXPECTED, len(expected.unexpected), *labels)
        scope.add(DRIFTED, len(expected.drifted), *labels)


def _publish_memory(scope: Scope, changelog: str, subject: Subject) -> None:
    labels = (scope.capabilities.datname, changelog)
    history, memory = subject.history, subject.memory
    for outcome in ("succeeded", "failed", "rolled_back", "unknown"):
        scope.add(RUNS, memory.runs.get(outcome, 0), *labels, outcome)
    scope.add(CHANGESET_DURATION, memory.durations.snapshot(), *labels)
    if not history.version:
        return
    scope.add(APPLIED, len(history.checksums), *labels)
    for tag in history.tags:
        scope.add(TAG_PRESENT, 1, *labels, tag)
    deployed_at = deployment_time(history.last, time.time()) if history.last else None
    if deployed_at is not None:
        scope.add(LAST_DEPLOYMENT, deployed_at, *labels)
        scope.add(LAST_DEPLOYMENT_CHANGESETS, history.deployed, *labels)


LIQUIBASE = Collector(
    name="liquibase",
    help="State, lock and history of Liquibase's migrations. Source: DATABASECHANGELOG, "
    "DATABASECHANGELOGLOCK, pg_stat_activity, row counters of both tables.",
    families=(
        STATUS,
        BLOCKED,
        FAILURE,
        APPLIED,
        PENDING,
        UNEXPECTED,
        DRIFTED,
        READABLE,
        RUN_DURATION,
        RUNS,
        CHANGESET_DURATION,
        LOCK_HELD,
        LOCK_AGE,
        LAST_DEPLOYMENT,
        LAST_DEPLOYMENT_CHANGESETS,
        TAG_PRESENT,
    ),
    queries=(
        sql.DISCOVER_BY_NAME,
        sql.DISCOVER_BY_COLUMNS,
        sql.READ_ROWS,
        sql.READ_LOCK,
        sql.READ_COUNTERS,
        sql.READ_SESSIONS,
    ),
    cost="moderate",
    requires=(READ_ALL_STATS,),
    collect=collect,
    memory=lambda settings: Discovery(settings.liquibase),
    watch=watch,
)
