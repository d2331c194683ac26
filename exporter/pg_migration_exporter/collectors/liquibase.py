"""Liquibase's migrations: state, lock, history, for every changelog found in the database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pg_migration_exporter.collectors.base import Collector, Scope
from pg_migration_exporter.families import Family
from pg_migration_exporter.liquibase import tables as sql
from pg_migration_exporter.liquibase.evidence import Evidence, Reading
from pg_migration_exporter.liquibase.memory import Counters, Memory
from pg_migration_exporter.liquibase.observe import History, Observation, observe
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

_NOT_THERE_YET = Counters(0, 0, 0, 0)


@dataclass(slots=True)
class Discovery:
    """The tables found, and what is remembered of each changelog."""

    looked_everywhere_at: float = -float("inf")
    elsewhere: Rows | None = None
    saw_none: bool = False
    changelogs: dict[str, Memory] = field(default_factory=dict)

    def memory_of(self, changelog: str) -> Memory:
        """The memory of one changelog; one that was not there at the last look starts from zero."""
        new = Memory(counters=_NOT_THERE_YET if self.saw_none else None)
        return self.changelogs.setdefault(changelog, new)

    def dump(self) -> dict[str, Any]:
        """What a restart must not forget (watch.store.Durable)."""
        changelogs = {name: memory.dump() for name, memory in self.changelogs.items()}
        return {"saw_none": self.saw_none, "changelogs": changelogs}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `dump` returned."""
        self.changelogs = {name: Memory.load(one) for name, one in state["changelogs"].items()}
        self.saw_none = bool(state["saw_none"])


async def collect(_: Collector, scope: Scope) -> None:
    """Look at every changelog and publish its state."""
    for changelog, observation in await _look(scope):
        _publish(scope, changelog, observation)


async def watch(scope: Scope) -> bool:
    """Look at every changelog, so that short runs are noticed; True while one is under way."""
    seen = [observation.evidence for _, observation in await _look(scope)]
    return any(evidence.lock.locked or evidence.sessions for evidence in seen)


async def _look(scope: Scope) -> list[tuple[str, Observation]]:
    """Every changelog by name with what is seen of it; one without a name if there is none."""
    discovery: Discovery = scope.memory
    changelogs = await _discover(scope, discovery)
    observations = await asyncio.gather(
        *(_observe(scope, discovery, tables) for tables in changelogs)
    )
    discovery.saw_none = not changelogs
    if not changelogs:
        return [("", Observation(Evidence(Reading.ABSENT)))]
    return [(tables.name, seen) for tables, seen in zip(changelogs, observations, strict=True)]


async def _discover(scope: Scope, discovery: Discovery) -> list[ChangelogTables]:
    interval = scope.settings.liquibase.discovery_interval
    now = time.monotonic()
    if now - discovery.looked_everywhere_at >= interval:
        discovery.elsewhere = await scope.query(sql.DISCOVER_BY_COLUMNS)
        discovery.looked_everywhere_at = now
        return read_tables(discovery.elsewhere)
    by_name = await scope.query(sql.DISCOVER_BY_NAME)
    return read_tables(discovery.elsewhere, by_name) if discovery.elsewhere else []


async def _observe(scope: Scope, discovery: Discovery, tables: ChangelogTables) -> Observation:
    observation = await observe(
        scope.query,
        tables,
        discovery.memory_of(tables.name),
        scope.settings.liquibase,
        commit_timestamps=scope.capabilities.commit_timestamps,
    )
    if observation.evidence.reading is Reading.ABSENT:
        discovery.looked_everywhere_at = -float("inf")
    return observation


def _publish(scope: Scope, changelog: str, observation: Observation) -> None:
    labels = (scope.capabilities.datname, changelog)
    verdict = decide(observation.evidence)
    for status in Status:
        scope.add(STATUS, int(status is verdict.status), *labels, status)
    if observation.evidence.reading is Reading.COMPLETE:
        _publish_lock(scope, labels, observation.evidence, verdict)
        _publish_history(scope, labels, observation.history)


def _publish_lock(
    scope: Scope, labels: tuple[str, str], evidence: Evidence, verdict: Verdict
) -> None:
    scope.add(BLOCKED, int(verdict.blocked), *labels)
    scope.add(LOCK_HELD, int(evidence.lock.locked), *labels)
    if evidence.lock.locked:
        scope.add(LOCK_AGE, evidence.lock.age, *labels)


def _publish_history(scope: Scope, labels: tuple[str, str], history: History) -> None:
    scope.add(APPLIED, history.applied, *labels)
    if history.deployed_at is not None:
        scope.add(LAST_DEPLOYMENT, history.deployed_at, *labels)
        scope.add(LAST_DEPLOYMENT_CHANGESETS, history.deployed, *labels)
    for tag in history.tags:
        scope.add(TAG_PRESENT, 1, *labels, tag)


LIQUIBASE = Collector(
    name="liquibase",
    help="State, lock and history of Liquibase's migrations. Source: DATABASECHANGELOG, "
    "DATABASECHANGELOGLOCK, pg_stat_activity, row counters of both tables.",
    families=(
        STATUS,
        BLOCKED,
        APPLIED,
        LOCK_HELD,
        LOCK_AGE,
        LAST_DEPLOYMENT,
        LAST_DEPLOYMENT_CHANGESETS,
        TAG_PRESENT,
    ),
    queries=(
        sql.DISCOVER_BY_NAME,
        sql.DISCOVER_BY_COLUMNS,
        sql.READ_HISTORY,
        sql.READ_LOCK,
        sql.READ_COUNTERS,
        sql.READ_SESSIONS,
    ),
    cost="moderate",
    requires=(READ_ALL_STATS,),
    collect=collect,
    memory=lambda _: Discovery(),
    watch=watch,
)
