"""The status of one target, from its latest scrape."""

from __future__ import annotations

from pg_migration_exporter.engine.scrape import Scrape
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.status import activity, health
from pg_migration_exporter.status.answers import answers
from pg_migration_exporter.status.checks import checks
from pg_migration_exporter.status.events import describe_events
from pg_migration_exporter.status.judgement import Judgement
from pg_migration_exporter.status.latency import LatencyHistory
from pg_migration_exporter.status.migrations import migrations
from pg_migration_exporter.status.model import TargetStatus
from pg_migration_exporter.status.samples import Samples
from pg_migration_exporter.status.statements import statements
from pg_migration_exporter.status.target_facts import TargetFacts
from pg_migration_exporter.status.verdict import verdict


def describe_target(
    target: Target,
    scrape: Scrape | None,
    age: float | None,
    latency: LatencyHistory,
    judgement: Judgement,
) -> TargetStatus:
    """Return the status of a target; `age` is the age of its server's last answer in seconds."""
    all_migrations = migrations(target)
    samples = Samples(scrape.published() if scrape else ())
    facts = TargetFacts(
        settings=target.settings,
        server=health.server(target, scrape, samples),
        databases=scrape.answered() if scrape else {},
        left_out=scrape.left_out if scrape else 0,
        not_shown=scrape.not_shown() if scrape else {},
        collectors=health.collectors(target, scrape),
        migrations=all_migrations,
        checks=checks(target, scrape, all_migrations),
        builds=activity.builds(samples),
        invalid=activity.invalid_indexes(samples),
        waits=activity.waits(target, samples),
        watch_age=scrape.watcher.age if scrape and scrape.watcher else None,
    )
    return TargetStatus(
        name=target.name,
        verdict=verdict(facts, judgement),
        age_seconds=age,
        answers=answers(facts),
        server=facts.server,
        databases=dict(facts.databases),
        migrations=list(facts.migrations),
        checks=list(facts.checks),
        index_builds=list(facts.builds),
        invalid_indexes=list(facts.invalid),
        waits=facts.waits,
        pools=health.pools(samples),
        replicas=health.replicas(samples),
        latencies=latency.report(_run_seconds(facts)) if facts.server.reached else [],
        statements=statements(target),
        collectors=list(facts.collectors),
        events=describe_events(target.events),
    )


def _run_seconds(facts: TargetFacts) -> float | None:
    """Return the age of the longest run in progress."""
    ages = [
        migration.lock_seconds
        for migration in facts.migrations
        if migration.status is MigrationState.RUNNING and migration.lock_seconds is not None
    ]
    return max(ages, default=None)
