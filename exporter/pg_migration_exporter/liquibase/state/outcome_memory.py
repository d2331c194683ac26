"""What is remembered about how the runs of one changelog ended, and about its last failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pg_migration_exporter.liquibase.state.evidence import (
    ChangelogComparison,
    InferredFailure,
    ReportedFailure,
    ReportedRun,
)
from pg_migration_exporter.liquibase.state.judgement import Judgement, is_complete
from pg_migration_exporter.liquibase.state.report_memory import (
    CountedRun,
    Period,
    ReportMemory,
    covers,
)
from pg_migration_exporter.metrics.histograms import DurationHistogram


@dataclass(slots=True)
class OutcomeMemory:
    """Outcomes, failures and reports; durable. Times are the server's, in seconds since the epoch.

    A failure stays until a later run repairs it, or it is acknowledged.
    """

    ended_at: float = 0.0
    #: The runs that ended last were noticed at this time, or took the lock.
    noticed_at: float = 0.0
    #: The previous poll; not stored, since a run may end while the exporter is down.
    polled_at: float = 0.0
    acknowledged_at: float = -1.0
    failure: InferredFailure | None = None
    unknown_outcome: str = ""
    #: The run that `failure` is about.
    failed_run: int = 0
    reported_failure: ReportedFailure | None = None
    #: The last run that repaired a failure, and when it ended.
    repaired_run: int = 0
    repaired_at: float = 0.0
    reports: ReportMemory = field(default_factory=ReportMemory)
    runs: dict[str, int] = field(default_factory=dict)
    #: Outcomes of runs that ended a moment ago: what proves another outcome may still arrive.
    uncounted: Sequence[str] = ()
    durations: DurationHistogram = field(default_factory=DurationHistogram)

    @property
    def period(self) -> Period:
        """When the runs ended that ended last, as far as polls show."""
        return Period(self.noticed_at, self.ended_at)

    def count_runs(self) -> Sequence[str]:
        """Count the runs that were not counted yet; return their outcomes."""
        counted, self.uncounted = self.uncounted, ()
        for outcome in counted:
            self.runs[outcome] = self.runs.get(outcome, 0) + 1
        return counted

    def record_judgement(self, judgement: Judgement, number: int = 0, at: float = 0.0) -> None:
        """Remember the failure of a run until a later run repairs it.

        `number` is the run's, and `at` when it ended.
        """
        if judgement.report is not None:
            self._set_reported_failure(judgement.report)
            self.failure, self.unknown_outcome = None, ""
        elif judgement.failure is not None:
            self._set_failure(judgement.failure, number)
        elif judgement.repairs:
            self._repair()
            self.repaired_run, self.repaired_at = number, at
        if judgement.unknown:
            self.unknown_outcome = judgement.unknown

    def record_report(
        self, report: ReportedRun, files: ChangelogComparison | None, last_deployment: str | None
    ) -> None:
        """Record a report that is about a run counted before, or about none that was seen.

        `last_deployment` is the DEPLOYMENT_ID of the last row.
        """
        counted = self.reports.find_unreported(report)
        if counted is not None:
            self._record_late_report(report, counted)
        elif report.failed:
            wrote_last = bool(report.deployment) and report.deployment == last_deployment
            received = self.reports.received[report.run_id]
            # The server's clock may be set back.
            if wrote_last or received >= min(self.repaired_at, self.polled_at):
                self._set_reported_failure(report)
        elif self._is_repaired_by(report, files):
            self._repair()

    def _record_late_report(self, report: ReportedRun, counted: CountedRun) -> None:
        """Replace what was inferred about a run, unless a later one has repaired it."""
        is_inferred = counted.number == self.failed_run
        if report.failed:
            if counted.number >= self.repaired_run:
                self._set_reported_failure(report)
        elif not covers([report], counted.run):
            return
        if is_inferred:
            self.failure = None

    def _is_repaired_by(self, report: ReportedRun, files: ChangelogComparison | None) -> bool:
        """Whether a success after the last failure shows that nothing is left to repair.

        The run was not seen in the database: without changelog files, it shows only that its own
        root file has nothing left to run.
        """
        received, failure = self.reports.received[report.run_id], self.reported_failure
        if files is not None and received > self._failed_at and is_complete(report, files):
            return True
        if failure is None or self.failure is not None or received <= failure.at:
            return False
        # A replica of the previous release has nothing to do, and older files.
        is_old = report.is_embedded and bool(failure.changeset)
        had_nothing_to_do = report.command == "update" and files is None and not is_old
        has_run = bool(report.recorded) or had_nothing_to_do
        return has_run and failure.changelog_file == report.changelog_file

    def _repair(self) -> None:
        self.failure, self.reported_failure, self.unknown_outcome = None, None, ""

    def _set_failure(self, failure: InferredFailure, number: int) -> None:
        self.failure, self.failed_run, self.unknown_outcome = failure, number, ""
        reported = self.reported_failure
        if reported is not None and reported.changeset != failure.changeset:
            self.reported_failure = None

    def _set_reported_failure(self, report: ReportedRun) -> None:
        self.reported_failure = ReportedFailure(
            report.run_id,
            self.reports.received[report.run_id],
            report.reason,
            report.changeset,
            report.is_interrupted,
            report.changelog_file,
        )

    def acknowledge(self, now: float) -> None:
        """Acknowledge every failure up to now."""
        self.acknowledged_at = max(now, self._failed_at)

    @property
    def is_acknowledged(self) -> bool:
        """Whether the failure of the last run, polled or reported, was acknowledged."""
        return self.acknowledged_at >= self._failed_at

    @property
    def _failed_at(self) -> float:
        reported = self.reported_failure
        return max(self.ended_at, reported.at if reported is not None else 0.0)
