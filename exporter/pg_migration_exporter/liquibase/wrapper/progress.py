"""What a run has done so far, as its log tells; a table of messages, and what each one means.

The messages are Liquibase's own, the same from 4.20 to 5.0 unless it is said otherwise:
changelog/ChangeSet.java, command/core/AbstractUpdateCommandStep.java, util/ShowSummaryUtil.java.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pg_migration_exporter.liquibase.reports.report import (
    MAX_CHANGESETS,
    ChangesetReport,
    Failure,
    Outcome,
    Result,
    Summary,
)
from pg_migration_exporter.liquibase.wrapper.failure import read_failure
from pg_migration_exporter.liquibase.wrapper.records import Record

#: What an unfinished changeset has done when the next one begins or the command ends well:
#: Liquibase says nothing of those it skips.
_WHEN_GONE_BY = {Result.RUNNING: Result.SKIPPED, Result.ROLLING_BACK: Result.ROLLED_BACK}
#: A later message about the same changeset replaces these; since 5.0 the last one comes twice.
_NOT_FINAL = (*_WHEN_GONE_BY, Result.FAILED, Result.FAILURE_IGNORED)
_TOTALS = {
    "Run": "run",
    "Previously run": "previously_run",
    "Filtered out": "filtered_out",
    "Total change sets": "total",
}
_UNFINISHED_BECOMES = {Outcome.KILLED: Result.INTERRUPTED, Outcome.FAILED: Result.FAILED}


@dataclass(slots=True)
class Progress:
    """The facts of one run, collected from its log record by record."""

    results: list[ChangesetReport] = field(default_factory=list)
    failure: Failure | None = None
    counts: dict[str, int] = field(default_factory=dict)
    filtered: dict[str, int] = field(default_factory=dict)
    version: str = ""
    deployment_id: str = ""
    changelog: str = ""
    records: int = 0

    def take(self, record: Record) -> None:
        """Learn from one record."""
        self.records += 1
        if record.channel == "liquibase.util":
            self._count(record.text)
        for pattern, learn in _MESSAGES:
            match = pattern.match(record.text)
            if match is not None:
                learn(self, match)
        self.failure = read_failure(record) or self.failure

    def end(self, outcome: Outcome) -> None:
        """Settle the changeset that was under way when the run ended."""
        if self.results and self.results[-1].result in _WHEN_GONE_BY:
            gone_by = _WHEN_GONE_BY[self.results[-1].result]
            self.settle(self.results[-1].identity, _UNFINISHED_BECOMES.get(outcome, gone_by))

    @property
    def failed_changeset(self) -> str:
        """The changeset that the run failed at, or was killed in; "" if there is none."""
        last = self.results[-1] if self.results else None
        if last is None or last.result not in (Result.FAILED, Result.INTERRUPTED):
            return ""
        return last.identity

    @property
    def summary(self) -> Summary | None:
        """The UPDATE SUMMARY, once there is one."""
        return Summary(**self.counts, filtered=self.filtered) if "total" in self.counts else None

    @property
    def latest_results(self) -> tuple[ChangesetReport, ...]:
        """As many results as fit into a report."""
        return tuple(self.results[-MAX_CHANGESETS:])

    def settle(self, identity: str, result: Result, duration: float | None = None) -> None:
        """Note what became of a changeset; `duration` in seconds."""
        last = self.results[-1] if self.results else None
        if last is not None and last.identity == identity and last.result in _NOT_FINAL:
            self.results.pop()
        entry = ChangesetReport(identity=identity, result=result, duration=duration)
        self.results.append(entry)

    def begin(self, identity: str, result: Result) -> None:
        """Note that a changeset begins, and with that, that the one before it is over."""
        self.end(Outcome.RUNNING)
        self.settle(identity, result)

    def _count(self, text: str) -> None:
        match = re.fullmatch(r"(?P<what>[A-Z][\w /]*): +(?P<count>\d+)", text)
        if match is None:
            return
        total = _TOTALS.get(match["what"])
        if total is not None:
            self.counts[total] = int(match["count"])
        else:
            self.filtered[match["what"]] = int(match["count"])


Learn = Callable[[Progress, re.Match[str]], None]


def _becomes(result: Result) -> Learn:
    def learn(progress: Progress, match: re.Match[str]) -> None:
        groups: Mapping[str, str] = match.groupdict()
        duration = int(groups["ms"]) / 1000 if "ms" in groups else None
        progress.settle(match["identity"], result, duration)

    return learn


def _begins(result: Result) -> Learn:
    return lambda progress, match: progress.begin(match["identity"], result)


def _is(name: str) -> Learn:
    return lambda progress, match: setattr(progress, name, match[1])


def _table(progress: Progress, match: re.Match[str]) -> None:
    parts = (part.strip('"').replace('""', '"') for part in match.groups())
    progress.changelog = ".".join(parts)


_NAME = r'("(?:[^"]|"")+"|[^."]+)'
_MESSAGES: tuple[tuple[re.Pattern[str], Learn], ...] = tuple(
    (re.compile(pattern), learn)
    for pattern, learn in (
        (r"Running Changeset: (?P<identity>.+)", _begins(Result.RUNNING)),  # since 4.22
        (r"Rolling Back Changeset: (?P<identity>.+)", _begins(Result.ROLLING_BACK)),  # since 4.22
        (r"ChangeSet (?P<identity>.+) ran successfully in (?P<ms>\d+)ms", _becomes(Result.RAN)),
        (r"ChangeSet (?P<identity>.+) encountered an exception\.", _becomes(Result.FAILED)),
        (
            r"Changeset (?P<identity>.+) failed, (?:but failOnError was false|and the error was "
            r"ignored because 'failOnError' was set to false)\.",
            _becomes(Result.FAILURE_IGNORED),
        ),
        (
            r'Marking ChangeSet: "?(?P<identity>.+?)"? (?:as ran despite precondition failure|'
            r"ran despite precondition error)",
            _becomes(Result.MARKED_RAN),
        ),
        (
            r"Continuing past: (?P<identity>.+::.+::.+) despite precondition failure",
            _becomes(Result.SKIPPED),
        ),
        (r"Starting Liquibase at .*\(version ([\w.+-]{1,50})", _is("version")),  # since 4.22
        (r"Using deploymentId: (\d{1,20})", _is("deployment_id")),  # since 4.22
        (rf"Reading from {_NAME}\.{_NAME}$", _table),
    )
)
