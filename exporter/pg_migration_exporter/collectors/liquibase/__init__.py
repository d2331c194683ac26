"""Liquibase's migrations: state, lock, history, for every changelog found in the database."""

from __future__ import annotations

import asyncio
import time

from pg_migration_exporter.collectors.base import Collector, Scope
from pg_migration_exporter.collectors.liquibase.discovery import Discovery, Seen, discover
from pg_migration_exporter.collectors.liquibase.families import FAMILIES
from pg_migration_exporter.collectors.liquibase.publish import publish_history, publish_state
from pg_migration_exporter.liquibase import report_table
from pg_migration_exporter.liquibase import tables as sql
from pg_migration_exporter.liquibase.evidence import Evidence, Reading
from pg_migration_exporter.liquibase.observe import Observation, Observer
from pg_migration_exporter.liquibase.reports import Reports
from pg_migration_exporter.liquibase.state import decide
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS


async def collect(_: Collector, scope: Scope) -> None:
    """Look at every changelog and publish its state."""
    for changelog, subject, observation in await look(scope):
        publish_state(scope, changelog, observation)
        if subject is not None:
            publish_history(scope, changelog, subject)


async def watch(scope: Scope) -> bool:
    """Look at every changelog, so that short runs are noticed; True while one is under way."""
    seen = [observation.evidence for _, _, observation in await look(scope)]
    return any(one.lock.locked or one.sessions or one.under_way for one in seen)


async def look(scope: Scope) -> list[Seen]:
    """Every changelog by name with what is seen of it; one without a name if there is none."""
    discovery: Discovery = scope.memory
    found = await discover(scope, discovery)
    await discovery.reports.refresh(scope.query)
    observer = Observer(
        scope.query,
        scope.settings.liquibase,
        scope.capabilities.datname,
        scope.events,
        discovery.reports,
        scope.capabilities.commit_timestamps,
    )
    subjects = discovery.see(found, scope.capabilities.datname)
    observations = await asyncio.gather(*(observer.observe(subject) for subject in subjects))
    if any(one.evidence.reading is Reading.DROPPED for one in observations):
        discovery.elsewhere = None
    seen: list[Seen] = [
        (subject.tables.name, subject, observation)
        for subject, observation in zip(subjects, observations, strict=True)
    ]
    discovery.seen = seen or [("", None, _nothing(discovery))]
    discovery.seen_at = time.monotonic()
    return discovery.seen


def _nothing(discovery: Discovery) -> Observation:
    reading = Reading.DROPPED if discovery.subjects else Reading.ABSENT
    evidence = Evidence(reading)
    return Observation(evidence, decide(evidence))


LIQUIBASE = Collector(
    name="liquibase",
    help="State, lock and history of Liquibase's migrations. Source: DATABASECHANGELOG, "
    "DATABASECHANGELOGLOCK, pg_stat_activity, row counters of both tables.",
    families=FAMILIES,
    queries=(
        sql.DISCOVER_BY_NAME,
        sql.DISCOVER_BY_COLUMNS,
        sql.READ_ROWS,
        sql.READ_LOCK,
        sql.READ_COUNTERS,
        sql.READ_SESSIONS,
        report_table.READ,
    ),
    cost="moderate",
    requires=(READ_ALL_STATS,),
    collect=collect,
    memory=lambda settings: Discovery(settings.liquibase, Reports(settings)),
    watch=watch,
)
