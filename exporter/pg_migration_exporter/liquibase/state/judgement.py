"""How a run ended, inferred from what it left and from the changelog files.

The decision table is in docs/migration-states.md. Where the traces of a failure and of a success
are the same, the outcome is unknown: a failed run is never counted as succeeded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pg_migration_exporter.formatting import shortened
from pg_migration_exporter.liquibase.history.rollbacks import Completion
from pg_migration_exporter.liquibase.state.evidence import (
    ChangelogComparison,
    InferredFailure,
    ReportedRun,
    RunEffect,
)
from pg_migration_exporter.liquibase.state.report_memory import covers
from pg_migration_exporter.liquibase.state.runs import EndedRun

Outcome = Literal["succeeded", "failed", "rolled_back", "unknown"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The outcome of a run.

    `repairs` is True if an earlier failure no longer counts. `unknown` is why the state is not
    known.
    """

    outcome: Outcome
    failure: InferredFailure | None = None
    repairs: bool = False
    unknown: str = ""
    #: The report of a failure.
    report: ReportedRun | None = None


_NO_FAILURE = Judgement("succeeded")
_SUCCEEDED = Judgement("succeeded", repairs=True)
_ROLLED_BACK = Judgement("rolled_back", repairs=True)


def judge(run: EndedRun, files: ChangelogComparison | None, expected: frozenset[str]) -> Judgement:
    """Infer the outcome of a run; `files` are compared after it, None if they are not known.

    `expected` are the changesets of the files that the run may have known: what was added to the
    files later is not left out by it.
    """
    return _JUDGES[run.effect](run, files, expected)


def as_reported(
    judgement: Judgement,
    reports: Sequence[ReportedRun],
    run: EndedRun,
    files: ChangelogComparison | None,
) -> Judgement | None:
    """Return what a run reported about itself; None if it did not.

    `reports` are all that are about this run.
    """
    if not reports:
        return None
    failed = [report for report in reports if report.failed]
    if failed:
        return Judgement("failed", report=failed[-1])
    if not covers(reports, run):
        return None
    if judgement.outcome == "rolled_back":
        return judgement
    repairs = run.effect is RunEffect.ADDED_ROWS or is_complete(reports[-1], files)
    return Judgement("succeeded", repairs=repairs)


def is_complete(report: ReportedRun, files: ChangelogComparison | None) -> bool:
    """Whether a run that recorded nothing shows that no changeset is left to run."""
    is_update = report.command == "update" and not report.failed
    return is_update and files is not None and not (files.missing or files.rerun)


def _recorded_changesets(
    run: EndedRun, files: ChangelogComparison | None, expected: frozenset[str]
) -> Judgement:
    if files is None:
        return _recorded_some(run)
    if set(run.recorded) <= set(files.unexpected):
        return Judgement("unknown")  # a run of other files
    left_out = [name for name in files.left_out(run.recorded) if name in expected]
    if not set(left_out) - set(files.edited):
        is_doubtful = left_out or expected & set(files.not_run_again(run.recorded))
        return _recorded_some(run) if is_doubtful else _SUCCEEDED
    if run.may_leave_pending:
        return Judgement("unknown", repairs=True)
    if run.is_consecutive and set(run.recorded[1:]) & files.writing:
        return _NO_FAILURE  # changelog-sync runs no changeset
    return Judgement(
        "failed",
        InferredFailure(
            f"the last run ended and left out {_count(left_out)} of the changelog files, "
            f"{shortened(left_out[0])} first: it failed there",
            shortened(left_out[0]),
            "it was told to end before it, as by update-count or update-to-tag",
        ),
    )


def _recorded_some(run: EndedRun) -> Judgement:
    """Infer the outcome of a run that recorded changesets; it is not known if it had more."""
    if run.rolled_back is None:
        return Judgement("unknown", unknown=_LATE if run.is_late else "")
    match run.rolled_back.of_update(run.last, released_twice=run.released_twice):
        case Completion.COMPLETE:
            return _SUCCEEDED
        case Completion.FAILED:
            return Judgement("failed", _AFTER_ROWS)
        case Completion.UNKNOWN:
            return Judgement("unknown", repairs=True, unknown=_DISTURBED)


def _recorded_nothing(
    run: EndedRun, files: ChangelogComparison | None, expected: frozenset[str]
) -> Judgement:
    is_sure = run.effect is RunEffect.LEFT_NO_ROW
    completion = run.rolled_back.of_nothing(run.last) if run.rolled_back is not None else None
    if files is None:
        return _recorded_none(completion, is_sure=is_sure)
    left_out = [changeset for changeset in files.missing if changeset in expected]
    changesets = left_out or (list(files.rerun) if is_sure else [])
    if changesets:
        return Judgement("failed", _failed_at(shortened(changesets[0])))
    if completion is Completion.COMPLETE or (run.released_twice and files.other_paths is None):
        return _NO_FAILURE  # twice: update-count or update-to-tag without anything to do
    if completion is Completion.FAILED:
        return Judgement("failed", _ROLLBACK_FAILED)
    return Judgement("unknown", unknown=_UNCLEAR if is_sure and not run.has_waited else "")


def _recorded_none(completion: Completion | None, *, is_sure: bool) -> Judgement:
    """Infer the outcome without changelog files."""
    if completion is Completion.COMPLETE:
        return _NO_FAILURE
    is_failure = is_sure or completion is Completion.FAILED
    return Judgement("failed", _AT_ONCE) if is_failure else Judgement("unknown")


def _failed_at(changeset: str) -> InferredFailure:
    return InferredFailure(
        "the last run took the lock, released it and recorded no changeset although it had "
        f"{changeset} to run: it failed there",
        changeset,
        "it skipped every changeset, or was a preview",
    )


_AT_ONCE = InferredFailure(
    "the last run took the lock, released it and recorded no changeset: it failed at its first one",
    doubt="it skipped every changeset, or had nothing to do",
)
_AFTER_ROWS = InferredFailure(
    "the last run recorded changesets and then rolled back more transactions than a run that "
    "succeeds: it failed at a later changeset",
    doubt="several changesets with failOnError=false failed",
)
_ROLLBACK_FAILED = InferredFailure(
    "the last run took the lock, recorded and removed nothing, and rolled back more transactions "
    "than a run with nothing to do: it failed, probably a rollback",
    doubt="changesets with failOnError=false failed",
)
_LATE = (
    "the last run recorded changesets; whether it failed at a later one is not known until its "
    "statistics arrive, within 15 s"
)
_DISTURBED = (
    "the last run recorded changesets; whether it failed at a later one is not known: transactions "
    "were rolled back meanwhile, by it or by other sessions; changelog files, the wrapper or the "
    "server's log could show which"
)
_UNCLEAR = (
    "the last run took the lock, released it and recorded nothing although no changeset is "
    "pending: a rollback failed, or a command had nothing to do; only the wrapper or Liquibase's "
    "output shows which"
)


def _removed_changesets(*_: object) -> Judgement:
    return _ROLLED_BACK


def _changed_no_changeset(*_: object) -> Judgement:
    return _NO_FAILURE


_JUDGES: Mapping[
    RunEffect, Callable[[EndedRun, ChangelogComparison | None, frozenset[str]], Judgement]
] = {
    RunEffect.ADDED_ROWS: _recorded_changesets,
    RunEffect.LEFT_NO_ROW: _recorded_nothing,
    RunEffect.MAYBE_LEFT_NO_ROW: _recorded_nothing,
    RunEffect.REMOVED_ROWS: _removed_changesets,
    RunEffect.TAGGED: _changed_no_changeset,
    RunEffect.CLEARED_CHECKSUMS: _changed_no_changeset,
}


def _count(changesets: list[str]) -> str:
    return "1 changeset" if len(changesets) == 1 else f"{len(changesets)} changesets"
