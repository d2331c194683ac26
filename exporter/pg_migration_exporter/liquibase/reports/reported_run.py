"""A report as evidence about a run."""

from __future__ import annotations

from pg_migration_exporter.liquibase.reports.kept_report import identity_in_history, recorded_by
from pg_migration_exporter.liquibase.reports.report import Failure, Outcome, Report
from pg_migration_exporter.liquibase.state.evidence import ReportedRun


def reported_run(
    report: Report, *, under_way: bool = False, was_there: bool = False
) -> ReportedRun:
    """Return what a report shows; `was_there` is whether it is older than this process."""
    is_killed = report.outcome is Outcome.KILLED
    reason = "it was ended by a signal" if is_killed else ""
    failure = report.failure or Failure(reason=reason)
    return ReportedRun(
        failed=report.outcome in (Outcome.FAILED, Outcome.KILLED),
        ended_at=report.ended,
        changeset=identity_in_history(failure.changeset),
        reason=failure.reason,
        under_way=under_way,
        run_id=str(report.run_id),
        duration=max((report.ended or report.updated) - report.started, 0.0),
        is_interrupted=is_killed,
        is_embedded=report.exit_code is None,
        command=report.command,
        changelog_file=report.target.changelog_file,
        deployment=report.deployment_id,
        lock_taken=report.lock_taken,
        recorded=recorded_by(report),
        is_complete=not (report.changesets_omitted or report.limitation or is_killed),
        was_there=was_there,
    )
