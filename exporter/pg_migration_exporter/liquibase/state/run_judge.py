"""Record how the runs of one changelog ended: at once, and again when more is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pg_migration_exporter.events import Event, EventKind
from pg_migration_exporter.liquibase.history.history import History
from pg_migration_exporter.liquibase.logs.received import ReceivedErrors
from pg_migration_exporter.liquibase.logs.run_errors import RunErrors, RunPeriod
from pg_migration_exporter.liquibase.reports.received import ReceivedReports
from pg_migration_exporter.liquibase.run_query import RunQuery
from pg_migration_exporter.liquibase.state.evidence import ChangelogComparison, RunEffect
from pg_migration_exporter.liquibase.state.judged_runs import LOG_DELAY, JudgedRun, JudgedRuns
from pg_migration_exporter.liquibase.state.judgement import as_reported, judge
from pg_migration_exporter.liquibase.state.memory import STATISTICS_DELAY
from pg_migration_exporter.liquibase.state.poll import Poll
from pg_migration_exporter.liquibase.state.runs import EndedRun
from pg_migration_exporter.liquibase.state.table_reader import Answers
from pg_migration_exporter.liquibase.state.tracked import TrackedChangelog

#: Seconds; a run that lasts longer is seen while it holds its lock.
_SHORT_RUN = 60.0
#: Seconds for which errors of the log count after a time without polls: later, other sessions than
#: a run's are new too.
_LONGEST_UNWATCHED = 300.0
#: Seconds by which the traces of a run may arrive late.
_TRACES_DELAY = 30.0


@dataclass(frozen=True, slots=True)
class RunJudge:
    """Judges the runs of one database; `datname` is its name in events and reports."""

    query: RunQuery
    datname: str
    emit: Callable[[Event], None]
    reports: ReceivedReports
    application_names: Sequence[str]
    #: Errors of the server's log; None where none arrive.
    log_errors: ReceivedErrors | None = None

    def judge(
        self,
        changelog: TrackedChangelog,
        ended: Sequence[EndedRun],
        files: ChangelogComparison | None,
        answers: Answers,
        repaired_at: float,
    ) -> None:
        """Record the outcome of the runs that ended, and the reports that are about none of them.

        A report says how its run ended.
        """
        memory, last = changelog.memory, changelog.history.contents.last
        readable = files if files and files.unreadable is None else None
        began = _began(changelog.history, answers)
        reports = self.reports.ended(self.datname, changelog.name)
        received = memory.reports.receive(reports, answers.now)
        about = memory.reports.assign(ended, reports, memory.period)
        judged = list[JudgedRun]()
        if changelog.is_replicated:  # a subscription writes no transaction of a changeset
            ended = [replace(run, is_consecutive=False) for run in ended]
        for number, (run, found) in enumerate(
            zip(ended, about, strict=True), memory.run - len(ended) + 1
        ):
            expected = changelog.expected_by(run, readable, began)
            inferred = judge(run, readable, expected)
            by_report = as_reported(inferred, found, run, readable)
            is_reported = by_report is not None
            judged.append(JudgedRun(run, by_report or inferred, expected, is_reported, number))
            if not found:
                memory.reports.count_unreported(run, number, memory.period)
        if judged:
            self._record_runs(changelog, judged, readable, answers, repaired_at)
        for report in received:
            if report.run_id not in memory.reports.matched:
                memory.record_report(report, readable, last.deployment_id if last else None)
        if readable is not None:
            changelog.record_files(readable)

    def _record_runs(
        self,
        changelog: TrackedChangelog,
        judged: list[JudgedRun],
        files: ChangelogComparison | None,
        answers: Answers,
        repaired_at: float,
    ) -> None:
        memory = changelog.memory
        self._count_runs(changelog)
        changelog.judged = JudgedRuns(
            judged,
            files,
            _period(changelog, answers.now),
            changelog.history.contents.last,
            memory.failure,
            memory.unknown_outcome,
            count_at=answers.now + (STATISTICS_DELAY if memory.awaits_rollbacks else LOG_DELAY),
            reported_failure=memory.reported_failure,
            repaired_run=memory.repaired_run,
            repaired_at=memory.repaired_at,
            ended_at=repaired_at,
        )
        changelog.judged.record(memory)
        last = judged[-1]
        is_update = last.run.effect is RunEffect.ADDED_ROWS
        if is_update and last.judgement.outcome == "succeeded" and changelog.files is not None:
            changelog.files.accept_edited(memory.contents)

    def judge_late(self, changelog: TrackedChangelog, poll: Poll) -> None:
        """Judge the last run again once its statistics have arrived, or do not any more."""
        memory, judged = changelog.memory, changelog.judged
        if judged is None or not memory.awaits_rollbacks:
            return
        rolled_back = memory.take_rollbacks(poll)
        if rolled_back is None and poll.now < judged.count_at:
            return
        memory.awaits_rollbacks = False
        [last] = judged.runs
        judged.judge_again(replace(last.run, rolled_back=rolled_back, is_late=False), memory)

    async def revise(self, changelog: TrackedChangelog, now: float) -> None:
        """Revise the outcome of the last runs by errors of the log; count them when it is due."""
        judged, received = changelog.judged, self.log_errors
        if judged is None:
            return
        if received is not None and judged.searched != received.received:
            known = received.received
            await self._search_log(changelog, judged, received)
            judged.searched = known
        is_due = judged.are_proven or now >= judged.count_at
        if is_due or (received is None and not changelog.memory.awaits_rollbacks):
            self._count_runs(changelog)

    async def _search_log(
        self, changelog: TrackedChangelog, judged: JudgedRuns, received: ReceivedErrors
    ) -> None:
        recognizer = RunErrors(self.query, changelog.tables, self.application_names)
        period, tolerated = judged.period, 0
        for error in received.between(self.datname, period.began, period.ended):
            if judged.is_logged:
                return
            if await recognizer.is_of_run(error, period):
                judged.apply(error, changelog.memory)
                tolerated += judged.is_tolerated(error)
        judged.excuse(tolerated, changelog.memory)

    def _count_runs(self, changelog: TrackedChangelog) -> None:
        for outcome in changelog.memory.count_runs():
            self.emit(
                Event(EventKind.RUN_ENDED, self.datname, changelog.name, {"outcome": outcome})
            )


def _began(history: History, answers: Answers) -> float:
    """Return when the last run began, in seconds since the epoch, as far as its traces show.

    A short run began when its deployment did, by the client's clock; the lock of one that was over
    before a poll was first seen afterwards.
    """
    seen = answers.lock.taken or answers.now
    last = history.contents.last
    deployed = last.deployed_at(answers.now) if last else None
    is_near = deployed is not None and 0 <= seen - deployed <= _SHORT_RUN
    return deployed if deployed is not None and is_near else seen


def _period(changelog: TrackedChangelog, ended: float) -> RunPeriod:
    """Return since when the runs that have ended can have been in progress.

    They began after the runs before them had ended, whose errors are not theirs.
    """
    before = changelog.judged.period.ended if changelog.judged is not None else 0.0
    noticed_at = changelog.memory.noticed_at
    earliest = max(noticed_at - _TRACES_DELAY, ended - _LONGEST_UNWATCHED, min(before, noticed_at))
    return RunPeriod(changelog.quiet_at or earliest, ended, changelog.holders)
