"""Liquibase's migrations: state, lock, history, for every changelog found in the database."""

from __future__ import annotations

import asyncio
import time

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.liquibase.discovery import Discovery, Seen, discover
from pg_migration_exporter.collectors.liquibase.liquibase_families import FAMILIES
from pg_migration_exporter.collectors.liquibase.publish import publish_history, publish_state
from pg_migration_exporter.liquibase.history import tables as sql
from pg_migration_exporter.liquibase.reports import table as report_table
from pg_migration_exporter.liquibase.reports.received import ReceivedReports
from pg_migration_exporter.liquibase.state.decide import decide
from pg_migration_exporter.liquibase.state.evidence import Evidence, TableAccess
from pg_migration_exporter.liquibase.state.observer import ChangelogSnapshot, Observer
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS


async def collect(context: RunContext[Discovery]) -> None:
    """Look at every changelog and publish its state."""
    for changelog, subject, observation in await look(context):
        publish_state(context, changelog, observation)
        if subject is not None:
            publish_history(context, changelog, subject)


async def watch(context: RunContext[Discovery]) -> bool:
    """Look at every changelog, so that short runs are noticed; True while one is under way."""
    seen = [observation.evidence for _, _, observation in await look(context)]
    return any(one.lock.locked or one.sessions or one.under_way for one in seen)


async def look(context: RunContext[Discovery]) -> list[Seen]:
    """Every changelog by name with what is seen of it; one without a name if there is none."""
    discovery = context.memory
    found = await discover(context, discovery)
    await discovery.reports.refresh(context.query)
    observer = Observer(
        context.query,
        context.settings.liquibase,
        context.capabilities.datname,
        context.emit,
        discovery.reports,
        context.capabilities.commit_timestamps,
    )
    subjects = discovery.see(found, context.capabilities.datname)
    observations = await asyncio.gather(*(observer.observe(subject) for subject in subjects))
    if any(one.evidence.reading is TableAccess.DROPPED for one in observations):
        discovery.elsewhere = None
    seen: list[Seen] = [
        (subject.tables.name, subject, observation)
        for subject, observation in zip(subjects, observations, strict=True)
    ]
    discovery.seen = seen or [("", None, _nothing(discovery))]
    discovery.seen_at = time.monotonic()
    return discovery.seen


def _nothing(discovery: Discovery) -> ChangelogSnapshot:
    reading = TableAccess.DROPPED if discovery.subjects else TableAccess.ABSENT
    evidence = Evidence(reading)
    return ChangelogSnapshot(evidence, decide(evidence))


LIQUIBASE = Collector(
    name="liquibase",
    help="State, lock and history of Liquibase's migrations.",
    sources=(
        "DATABASECHANGELOG",
        "DATABASECHANGELOGLOCK",
        "pg_stat_activity",
        "row counters of both tables",
    ),
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
    memory=lambda settings: Discovery(settings.liquibase, ReceivedReports(settings)),
    watch=watch,
)
