"""The migration itself: its state, its changelog, its indexes, its window; and the verdict."""

from __future__ import annotations

from collections.abc import Iterator

from pg_migration_exporter.formatting import count, duration
from pg_migration_exporter.gate.check import (
    BuiltIn,
    Evidence,
    Finding,
    failed,
    none_of,
    passed,
    unknown,
)
from pg_migration_exporter.gate.reasons import by_reasons, sentences
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.status.judgement.blindness import NAMES as BLIND
from pg_migration_exporter.status.model import Migration

_LIQUIBASE = "liquibase"


def _name(migration: Migration) -> str:
    return f"{migration.changelog or 'the changelog'} in {migration.datname}"


def _running(evidence: Evidence) -> list[Migration]:
    return [found for found in evidence.status.migrations if found.status is MigrationState.RUNNING]


def _not_running(evidence: Evidence) -> Finding:
    running = [
        f"{_name(migration)} since {duration(migration.lock_seconds or 0)}"
        for migration in _running(evidence)
    ]
    return none_of(running, "no migration runs")


def _states(evidence: Evidence) -> Finding:
    states = (f"{_name(found)}: {found.status}" for found in evidence.status.migrations)
    return passed("; ".join(states) or "no changelog is known")


def _tag(evidence: Evidence) -> Finding:
    tag = evidence.profile.tag
    if evidence.tags is None:
        return unknown("limits.tags leaves out tags")
    known = tag in evidence.tags
    return passed(f"{tag} is in the history") if known else failed(f"{tag} is in no history")


def _valid_indexes(evidence: Evidence) -> Finding:
    found = [
        f"{index.datname}: {index.schemaname}.{index.indexrelname}"
        for index in evidence.status.invalid_indexes
    ]
    return none_of(found, "every index is valid")


def _moves(evidence: Evidence) -> Finding:
    running = _running(evidence)
    if not running:
        return unknown("no migration runs")
    return passed("; ".join([*map(_progress, running), *_builds(evidence)]))


def _progress(migration: Migration) -> str:
    known = migration.pending is not None
    left = f", {count(migration.pending or 0, 'changeset')} left" if known else ""
    return f"{_name(migration)} for {duration(migration.lock_seconds or 0)}{left}"


def _builds(evidence: Evidence) -> Iterator[str]:
    for build in evidence.status.index_builds:
        done = "" if build.progress is None else f" {build.progress:.0%}"
        eta = "" if build.eta_seconds is None else f", {duration(build.eta_seconds)} left"
        yield f"index on {build.relname}{done}{eta}"


def _succeeded(evidence: Evidence) -> Finding:
    migrations = evidence.status.migrations
    if not migrations:
        return unknown("no changelog is known")
    others = [
        f"{_name(found)}: {found.status}"
        for found in migrations
        if found.status is not MigrationState.SUCCEEDED
    ]
    return none_of(others, "; ".join(f"{_name(found)}: succeeded" for found in migrations))


def _window(evidence: Evidence) -> Finding:
    ends = evidence.profile.window_ends
    assert ends is not None
    left = (ends - evidence.now).total_seconds()
    if left <= 0:
        return failed(f"it ended {duration(-left)} ago")
    return passed(f"{duration(left)} left")


def _blind(evidence: Evidence) -> Finding:
    if evidence.reasons:
        return unknown(sentences(evidence.reasons))
    return passed("everything needed has answered")


def _verdict(_: Evidence) -> Finding:
    return passed("no other reason speaks against it")


MIGRATION = (
    BuiltIn(
        name="no_migration_runs",
        phases=("pre",),
        severity="critical",
        summary="No migration runs.",
        remedy="Wait until it ends.",
        judge=_not_running,
        collector=_LIQUIBASE,
    ),
    BuiltIn(
        name="no_lock_is_stale",
        phases=("pre", "post"),
        severity="critical",
        summary="Nobody left Liquibase's lock behind.",
        remedy="See that no run is alive, and release it: liquibase release-locks.",
        judge=by_reasons(_states),
        collector=_LIQUIBASE,
        reasons=("MigrationLockStale",),
        runbook="MigrationLockStale",
    ),
    BuiltIn(
        name="no_changeset_drifted",
        phases=("pre", "post"),
        severity="critical",
        summary="No changeset was edited after it ran.",
        remedy="Restore the changeset in its file, and write a new one for what must change.",
        judge=by_reasons(_states),
        collector=_LIQUIBASE,
        reasons=("MigrationDrifted",),
        runbook="MigrationDrifted",
    ),
    BuiltIn(
        name="changelog_is_readable",
        phases=("pre", "during", "post"),
        severity="critical",
        summary="The configured changelog files can be read.",
        remedy="Run `pg-migration-exporter changelog check`.",
        judge=by_reasons(_states),
        collector=_LIQUIBASE,
        reasons=("MigrationChangelogUnreadable",),
        runbook="MigrationChangelogUnreadable",
    ),
    BuiltIn(
        name="tag_is_set",
        phases=("pre",),
        severity="critical",
        summary="The tag to roll back to is in the history.",
        remedy="Run `liquibase tag` before the migration.",
        judge=_tag,
        collector=_LIQUIBASE,
        profile_key="tag",
        reads_tags=True,
        on_failure="abort",
    ),
    BuiltIn(
        name="indexes_are_valid",
        phases=("pre", "post"),
        severity="critical",
        summary="No build left an invalid index.",
        remedy="Drop it, and build it again with CONCURRENTLY.",
        judge=by_reasons(_valid_indexes),
        collector="index_builds",
        reasons=("IndexInvalid",),
        runbook="IndexInvalid",
    ),
    BuiltIn(
        name="migration_moves",
        phases=("during",),
        severity="critical",
        summary="The migration runs, and waits for nobody.",
        remedy="See whom it waits for, and end that transaction, not the migration.",
        judge=by_reasons(_moves),
        collector=_LIQUIBASE,
        reasons=("MigrationBlocked", "IndexBuildBlocked"),
        runbook="MigrationBlocked",
    ),
    BuiltIn(
        name="window_is_open",
        phases=("during",),
        severity="critical",
        summary="The maintenance window has not ended.",
        remedy="Start no further changeset; tell those who wait, and decide whether to go on.",
        judge=_window,
        profile_key="window_ends",
    ),
    BuiltIn(
        name="migration_succeeded",
        phases=("post",),
        severity="critical",
        summary="Every changeset has run.",
        remedy="Run `pg-migration-exporter explain`.",
        judge=by_reasons(_succeeded),
        collector=_LIQUIBASE,
        reasons=("DatabaseMigrationFailed", "MigrationStateUnknown"),
        runbook="DatabaseMigrationFailed",
    ),
    BuiltIn(
        name="everything_answers",
        phases=("pre", "during", "post"),
        severity="critical",
        summary="Everything that the verdict needs has answered.",
        remedy="Run `pg-migration-exporter serve --check-config`.",
        judge=_blind,
        reasons=BLIND,
        runbook="MigrationExporterBlind",
    ),
    BuiltIn(
        name="verdict",
        phases=("pre", "during", "post"),
        severity="critical",
        summary="No other reason of the verdict speaks against it.",
        remedy="See the runbook of that reason in docs/runbooks.",
        judge=by_reasons(_verdict),
        takes_other_reasons=True,
    ),
)
