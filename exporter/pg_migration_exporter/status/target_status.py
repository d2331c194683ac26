"""From one target and its latest scrape to its part of the model."""

from __future__ import annotations

from pg_migration_exporter.engine.scrape import Scrape
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.status import activity, health
from pg_migration_exporter.status.answers import answers
from pg_migration_exporter.status.checks import checks
from pg_migration_exporter.status.events import happenings
from pg_migration_exporter.status.findings import Findings
from pg_migration_exporter.status.latency import LatencyCourse
from pg_migration_exporter.status.migrations import migrations
from pg_migration_exporter.status.model import TargetStatus
from pg_migration_exporter.status.samples import Samples
from pg_migration_exporter.status.statements import statements
from pg_migration_exporter.status.verdict import verdict


def describe_target(
    target: Target, scrape: Scrape | None, age: float | None, course: LatencyCourse
) -> TargetStatus:
    """Everything that is known of a target; `age` is that of what its server last answered."""
    seen = migrations(target)
    samples = Samples(scrape.published() if scrape else ())
    findings = Findings(
        settings=target.settings,
        server=health.server(target, scrape, samples),
        databases=scrape.databases() if scrape else {},
        collectors=health.collectors(target, scrape),
        migrations=seen,
        checks=checks(target, scrape, seen),
        builds=activity.builds(samples),
        invalid=activity.invalid_indexes(samples),
        waits=activity.waits(target, samples),
        watch_age=scrape.watcher.age if scrape and scrape.watcher else None,
    )
    return TargetStatus(
        name=target.name,
        verdict=verdict(findings),
        age_seconds=age,
        answers=answers(findings),
        server=findings.server,
        databases=dict(findings.databases),
        migrations=list(findings.migrations),
        checks=list(findings.checks),
        index_builds=list(findings.builds),
        invalid_indexes=list(findings.invalid),
        waits=findings.waits,
        pools=health.pools(samples),
        replicas=health.replicas(samples),
        latencies=course.report(_run_seconds(findings)) if findings.server.reached else [],
        statements=statements(target),
        collectors=list(findings.collectors),
        events=happenings(target.events),
    )


def _run_seconds(findings: Findings) -> float | None:
    """How long the longest run in progress has lasted."""
    running = [
        one.lock_seconds for one in findings.migrations if one.status is MigrationState.RUNNING
    ]
    return max((seconds for seconds in running if seconds is not None), default=None)
