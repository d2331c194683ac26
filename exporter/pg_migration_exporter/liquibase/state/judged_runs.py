"""Runs that were judged by what they left, and the errors of the log that concern them.

An error of a run is no proof by itself: Liquibase tolerates some, such as those of a changeset with
failOnError=false. It turns an inference into certainty where the tables agree with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pg_migration_exporter.formatting import shortened
from pg_migration_exporter.liquibase.history.row import Row
from pg_migration_exporter.liquibase.logs.log_error import LogError
from pg_migration_exporter.liquibase.logs.run_errors import RunPeriod
from pg_migration_exporter.liquibase.state.evidence import (
    ChangelogComparison,
    InferredFailure,
    ReportedFailure,
    RunEffect,
)
from pg_migration_exporter.liquibase.state.judgement import Judgement, judge
from pg_migration_exporter.liquibase.state.memory import ChangelogMemory
from pg_migration_exporter.liquibase.state.runs import EndedRun

#: Seconds for which an outcome that nothing proves is not counted: errors of the log may arrive.
LOG_DELAY = 5.0
#: Time zones differ by multiples of this many seconds.
_ZONE_STEP = 900.0
_TOLERATED = "a changeset with failOnError=false failed"
_NO_CHANGESET = {RunEffect.TAGGED, RunEffect.CLEARED_CHECKSUMS, RunEffect.UNKNOWN}
#: An error is most likely of a run with such an outcome.
_ORDER = ("failed", "unknown", "succeeded", "rolled_back")


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """A run and its outcome; with `is_reported`, the run itself reported it.

    `expected` are the changesets of the files that it may have known.
    """

    run: EndedRun
    judgement: Judgement
    expected: frozenset[str] = frozenset()
    is_reported: bool = False
    #: That of the run in the memory.
    number: int = 0


@dataclass(slots=True)
class JudgedRuns:
    """The runs that one poll found. `last_row` is the last one of the history after them.

    The failures, the last repair and `unknown_outcome` are what was remembered before them; `files`
    is None if they are not known. They ended at `ended_at` and count at `count_at`, in seconds
    since the epoch on the server's clock.
    """

    runs: list[JudgedRun]
    files: ChangelogComparison | None
    period: RunPeriod
    last_row: Row | None
    failure: InferredFailure | None
    unknown_outcome: str
    count_at: float
    #: How many errors had arrived when they were last searched for those of these runs.
    searched: int = -1
    #: How many errors of the log Liquibase tolerated.
    tolerated: int = 0
    is_logged: bool = False
    reported_failure: ReportedFailure | None = None
    repaired_run: int = 0
    repaired_at: float = 0.0
    ended_at: float = 0.0

    @property
    def are_proven(self) -> bool:
        """Whether no error of the log could change an outcome."""
        return self.is_logged or all(self._is_proven(judged) for judged in self.runs)

    @property
    def is_unproven(self) -> bool:
        """Whether the last run recorded changesets, and nothing shows how it ended."""
        run, judgement = self.runs[-1].run, self.runs[-1].judgement
        return bool(run.recorded) and judgement.outcome == "unknown" and not judgement.unknown

    def record(self, memory: ChangelogMemory) -> None:
        """Record the outcomes, to be counted later."""
        memory.uncounted = self.outcomes()
        self._remember(memory)

    def apply(self, error: LogError, memory: ChangelogMemory) -> bool:
        """Revise the outcome of the run that had this error; False if it proves nothing."""
        for judged in sorted(self.runs, key=lambda item: _ORDER.index(item.judgement.outcome)):
            failure = None if judged.is_reported else self._failure(judged, error)
            if failure is not None:
                revised = replace(judged, judgement=Judgement("failed", failure))
                self.runs[self.runs.index(judged)] = revised
                self.is_logged = True
                self._remember(memory)
                if memory.uncounted:
                    memory.uncounted = self.outcomes()
                return True
        return False

    def excuse(self, tolerated: int, memory: ChangelogMemory) -> None:
        """Revise the outcome of the only run, which tolerated so many errors."""
        if len(self.runs) == 1 and tolerated != self.tolerated:
            self.tolerated = tolerated
            self.judge_again(self.runs[0].run, memory)

    def judge_again(self, run: EndedRun, memory: ChangelogMemory) -> None:
        """Revise the outcome of the only run, of which more is known now."""
        [judged] = self.runs
        if judged.is_reported or self.is_logged:
            return
        rolled_back = run.rolled_back and run.rolled_back.without(self.tolerated)
        judgement = judge(replace(run, rolled_back=rolled_back), self.files, judged.expected)
        self.runs = [replace(judged, run=run, judgement=judgement)]
        self._remember(memory)
        if memory.uncounted:
            memory.uncounted = self.outcomes()

    def outcomes(self) -> Sequence[str]:
        """Return the outcome of each run."""
        return [judged.judgement.outcome for judged in self.runs]

    def _remember(self, memory: ChangelogMemory) -> None:
        latest = memory.reported_failure
        memory.failure, memory.unknown_outcome = self.failure, self.unknown_outcome
        memory.reported_failure = self.reported_failure
        memory.repaired_run, memory.repaired_at = self.repaired_run, self.repaired_at
        for judged in self.runs:
            memory.record_judgement(judged.judgement, judged.number, self.ended_at)
        if latest != self.reported_failure:
            memory.reported_failure = latest  # reported after these runs

    def _is_proven(self, judged: JudgedRun) -> bool:
        outcome = judged.judgement.outcome
        is_complete = outcome == "succeeded" and self.files is not None
        return judged.is_reported or outcome == "failed" or is_complete

    def _failure(self, judged: JudgedRun, error: LogError) -> InferredFailure | None:
        """Return the failure that the error and the tables show together."""
        run = judged.run
        if run.effect in _NO_CHANGESET:
            return None
        if run.effect is RunEffect.REMOVED_ROWS:
            return _logged("a rollback failed", error)
        if run.recorded and self._went_on(error):
            return None
        if self.files is None:
            return _logged("the last run failed", error, doubt=_TOLERATED)
        return self._left_out(judged, self.files, error)

    def _left_out(
        self, judged: JudgedRun, files: ChangelogComparison, error: LogError
    ) -> InferredFailure | None:
        """Return the failure of a run that left changesets out; None if it left out none."""
        inferred, recorded = judged.judgement.failure, judged.run.recorded
        is_doubtful = bool(files.skippable) or (bool(recorded) and not self._is_order_known)
        doubt = _TOLERATED if is_doubtful else ""
        if recorded and set(recorded) <= set(files.unexpected):
            return _logged("the last run, of other files, failed", error, doubt=_TOLERATED)
        missing = files.left_out(recorded) if recorded else files.missing
        left_out = [shortened(changeset) for changeset in missing if changeset in judged.expected]
        changeset = inferred.changeset if inferred is not None else "".join(left_out[:1])
        if changeset:
            return _logged(f"changeset {changeset} failed", error, changeset, doubt)
        return None if recorded or doubt else _logged("the last run failed", error)

    @property
    def _is_order_known(self) -> bool:
        """Whether an error can be compared with the time of the last row."""
        has_committed = self.last_row is not None and self.last_row.committed is not None
        return has_committed or self.period.ended - self.period.began < _ZONE_STEP / 2

    def is_tolerated(self, error: LogError) -> bool:
        """Whether the last run recorded a changeset after this error."""
        return bool(self.runs[-1].run.recorded) and self._went_on(error)

    def _went_on(self, error: LogError) -> bool:
        """Whether the run recorded a changeset after the error, so that it was tolerated."""
        row = self.last_row
        if row is None or not self._is_order_known:
            return False
        if row.committed is not None:
            return row.committed > error.time
        if row.executed is None:
            return False
        half = _ZONE_STEP / 2
        return (row.executed - error.time + half) % _ZONE_STEP > half


def _logged(subject: str, error: LogError, changeset: str = "", doubt: str = "") -> InferredFailure:
    return InferredFailure(
        f"{subject}: the server logged an error of it: {error}", changeset, doubt, is_logged=True
    )
