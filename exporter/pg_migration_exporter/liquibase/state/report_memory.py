"""What is remembered about the reports of one history, and which run each of them is about.

A wrapper's clock may be wrong, so a report is matched by what it names: the deployment of the rows
that the run recorded, their changesets, whether the run took the lock at all, and then the moment
at which the exporter received its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pg_migration_exporter.liquibase.state.evidence import ReportedRun, RunEffect
from pg_migration_exporter.liquibase.state.recorded import RecordedChangesets
from pg_migration_exporter.liquibase.state.runs import EndedRun

#: Seconds by which a clock may be behind: a report that is older by its own clock arrived late.
_CLOCK_BEHIND = 900.0
#: Seconds between the end of a run and the report of it, or the poll that notices it.
_TOLERANCE = 3.0
#: Runs without a report that a late report may be about, and their changesets that are remembered.
_MAX_RUNS = 10
_MAX_CHANGESETS = 100

_UPDATING_ROWS = ("tag", "clear-checksums")
_LEFT_NOTHING = {RunEffect.LEFT_NO_ROW, RunEffect.MAYBE_LEFT_NO_ROW}


@dataclass(frozen=True, slots=True)
class Period:
    """A time in which a run ended, in seconds since the epoch on the server's clock."""

    begin: float
    end: float

    def overlaps(self, other: Period) -> bool:
        """Whether one run may have ended in both, within a tolerance."""
        return self.begin <= other.end + _TOLERANCE and other.begin <= self.end + _TOLERANCE


@dataclass(frozen=True, slots=True)
class CountedRun:
    """A run that was counted without a report; `number` is that of the run in the memory."""

    number: int
    effect: RunEffect
    period: Period
    recorded: tuple[str, ...] = ()
    deployments: tuple[str, ...] = ()

    @property
    def run(self) -> EndedRun:
        """The run as far as it is remembered."""
        return EndedRun(self.effect, self.recorded, deployments=self.deployments)

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> CountedRun:
        """Restore from JSON. Raises KeyError, TypeError or ValueError for invalid data."""
        return cls(
            state["number"],
            RunEffect(state["effect"]),
            Period(**state["period"]),
            tuple(state["recorded"]),
            tuple(state["deployments"]),
        )


@dataclass(slots=True)
class ReportMemory:
    """The reports of one history; durable.

    `received` are the times of their ends by run_id, on the server's clock; `matched` are those
    whose run was counted.
    """

    received: dict[str, float] = field(default_factory=dict)
    matched: set[str] = field(default_factory=set)
    unreported: list[CountedRun] = field(default_factory=list)

    def receive(self, reports: Sequence[ReportedRun], now: float) -> list[ReportedRun]:
        """Record the reports that are there; return the new ones, in the order of their ends."""
        new = [report for report in reports if report.run_id not in self.received]
        times = {report.run_id: self._received_at(report, now) for report in reports}
        self.received = times
        self.matched &= times.keys()
        return sorted(new, key=lambda report: times[report.run_id])

    def assign(
        self, ended: Sequence[EndedRun], reports: Sequence[ReportedRun], period: Period
    ) -> list[list[ReportedRun]]:
        """Return the reports about each run that ended in this period; each is used once."""
        about: list[list[ReportedRun]] = [[] for _ in ended]
        for is_named in (True, False):
            for report in reports:
                if report.run_id in self.matched:
                    continue
                for run, found in reversed([*zip(ended, about, strict=True)]):
                    if is_named:
                        fits = names(report, run)
                    else:
                        fits = not found and self._may_be_about(report, run, period)
                    if fits:
                        found.append(report)
                        self.matched.add(report.run_id)
                        break
        return about

    def count_unreported(self, run: EndedRun, number: int, period: Period) -> None:
        """Remember a run that no report is about so far."""
        recorded = run.recorded[-_MAX_CHANGESETS:]
        counted = CountedRun(number, run.effect, period, recorded, run.deployments)
        self.unreported = [*self.unreported, counted][-_MAX_RUNS:]

    def find_unreported(self, report: ReportedRun) -> CountedRun | None:
        """Return the counted run that a late report is about; a second one is not."""
        for counted in reversed(self.unreported):
            run, period = counted.run, counted.period
            if names(report, run) or self._may_be_about(report, run, period):
                self.unreported.remove(counted)
                self.matched.add(report.run_id)
                return counted
        return None

    def dump(self) -> dict[str, Any]:
        """Return everything, as JSON."""
        return {
            "received": self.received,
            "matched": sorted(self.matched),
            "unreported": [asdict(counted) for counted in self.unreported],
        }

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> ReportMemory:
        """Restore from `dump`. Raises KeyError, TypeError or ValueError for invalid data."""
        unreported = [CountedRun.load(counted) for counted in state["unreported"]]
        return cls(dict(state["received"]), set(state["matched"]), unreported)

    def _received_at(self, report: ReportedRun, now: float) -> float:
        """Return when the end was received; by the wrapper's clock, if that was earlier."""
        known = self.received.get(report.run_id)
        if known is not None:
            return known
        ended = min(report.ended_at or now, now)
        return ended if report.was_there or now - ended > _CLOCK_BEHIND else now

    def _may_be_about(self, report: ReportedRun, run: EndedRun, period: Period) -> bool:
        """Whether nothing contradicts that a report is about a run, and the times match."""
        if not _is_compatible(report, run):
            return False
        received = self.received[report.run_id]
        ended = min(report.ended_at or received, received)
        periods = (Period(at - report.duration, at) for at in {received, ended} if report.ended_at)
        return any(period.overlaps(other) for other in periods)


def names(report: ReportedRun, run: EndedRun) -> bool:
    """Whether a report names what the run recorded: its deployment, or its changesets.

    Before 4.22, Liquibase does not log its deployment.
    """
    if report.deployment:
        return report.deployment in run.deployments
    return report.recorded.include_any(run.recorded)


def covers(reports: Sequence[ReportedRun], run: EndedRun) -> bool:
    """Whether the reports are about everything that the run, or several in one, recorded."""
    deployments = {report.deployment for report in reports} - {""}
    if deployments:
        return deployments >= set(run.deployments)
    if not all(report.is_complete and report.recorded for report in reports):
        return len(run.deployments) <= len(reports)
    return RecordedChangesets.include_all((report.recorded for report in reports), run.recorded)


def _is_compatible(report: ReportedRun, run: EndedRun) -> bool:
    """Whether nothing that a report names contradicts that it is about a run."""
    if report.lock_taken is False:
        return False
    if not run.recorded:
        return not report.recorded and run.effect in _effects_without_rows(report)
    # Liquibase logs neither the deployment nor the changesets of changelog-sync.
    is_update = report.command.startswith("update") and report.is_complete
    return not (report.deployment or report.recorded or is_update)


def _effects_without_rows(report: ReportedRun) -> frozenset[RunEffect]:
    """Return what a run may have done that recorded no changeset."""
    if report.command in _UPDATING_ROWS and not report.failed:
        return frozenset({RunEffect.TAGGED, RunEffect.CLEARED_CHECKSUMS})
    effects = set[RunEffect]()
    if report.failed or report.lock_taken:
        effects |= _LEFT_NOTHING
    if not report.command.startswith("update"):
        effects.add(RunEffect.REMOVED_ROWS)
    return frozenset(effects)
