"""A report in memory: without its changesets, of which it may have a thousand."""

from __future__ import annotations

from pydantic import ConfigDict

from pg_migration_exporter.liquibase.changelog import normalize_path
from pg_migration_exporter.liquibase.reports.report import Report, Result
from pg_migration_exporter.liquibase.state.recorded import RecordedChangesets

#: Results that leave a row in the history.
_RECORDED = (Result.RAN, Result.MARKED_RAN)


class KeptReport(Report):
    """A report whose changesets are only known to be, or not to be, among the recorded ones."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    recorded: RecordedChangesets
    had_changesets: bool

    @property
    def is_idle(self) -> bool:
        """As of a report with its changesets."""
        return super().is_idle and not self.had_changesets


def keep(report: Report) -> KeptReport:
    """Return the report without its changesets."""
    if isinstance(report, KeptReport):
        return report
    known = dict(report) | {
        "changesets": (),
        "recorded": recorded_by(report),
        "had_changesets": bool(report.changesets),
    }
    kept = KeptReport.model_construct(**known)
    kept._received = report._received
    return kept


def recorded_by(report: Report) -> RecordedChangesets:
    """Return the changesets of a report that left a row in the history."""
    if isinstance(report, KeptReport):
        return report.recorded
    return RecordedChangesets(
        identity_in_history(changeset.identity)
        for changeset in report.changesets
        if changeset.result in _RECORDED
    )


def identity_in_history(identity: str) -> str:
    """Return path::id::author with the path as in the history."""
    path, separator, rest = identity.partition("::")
    return f"{normalize_path(path)}{separator}{rest}"
