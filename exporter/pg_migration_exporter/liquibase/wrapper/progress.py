"""The progress of a run according to its log: a table of messages and their meaning.

The messages are the same from Liquibase 4.20 to 5.0 unless noted otherwise:
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
from pg_migration_exporter.liquibase.wrapper.log_records import LogRecord

#: The result of an unfinished changeset when the next one begins or the command succeeds:
#: Liquibase does not log which changesets it skips.
_WHEN_PASSED = {Result.RUNNING: Result.SKIPPED, Result.ROLLING_BACK: Result.ROLLED_BACK}
#: A later message about the same changeset replaces these; since 5.0 the last one comes twice.
_NOT_FINAL = (*_WHEN_PASSED, Result.FAILED, Result.FAILURE_IGNORED)
_TOTALS = {
    "Run": "run",
    "Previously run": "previously_run",
    "Filtered out": "filtered_out",
    "Total change sets": "total",
}
_WHEN_ENDED = {Outcome.KILLED: Result.INTERRUPTED, Outcome.FAILED: Result.FAILED}


@dataclass(slots=True)
class Progress:
    """The facts about one run, collected from its log record by record."""

    results: list[ChangesetReport] = field(default_factory=list)
    failure: Failure | None = None
    counts: dict[str, int] = field(default_factory=dict)
    filtered: dict[str, int] = field(default_factory=dict)
    version: str = ""
    deployment_id: str = ""
    changelog: str = ""
    took_lock: bool = False
    records: int = 0

    def add(self, record: LogRecord) -> None:
        """Update from one log record."""
        self.records += 1
        if record.channel == "liquibase.util":
            self._count(record.text)
        for pattern, update in _MESSAGES:
            match = pattern.match(record.text)
            if match is not None:
                update(self, match)
        self.failure = read_failure(record) or self.failure

    def end(self, outcome: Outcome) -> None:
        """Set the result of the changeset that was in progress when the run ended."""
        if self.results and self.results[-1].result in _WHEN_PASSED:
            passed = _WHEN_PASSED[self.results[-1].result]
            self.set_result(self.results[-1].identity, _WHEN_ENDED.get(outcome, passed))

    @property
    def failed_changeset(self) -> str:
        """The changeset at which the run failed or was killed; "" if there is none."""
        last = self.results[-1] if self.results else None
        if last is None or last.result not in (Result.FAILED, Result.INTERRUPTED):
            return ""
        return last.identity

    @property
    def summary(self) -> Summary | None:
        """The UPDATE SUMMARY, or None before it was logged."""
        return Summary(**self.counts, filtered=self.filtered) if "total" in self.counts else None

    @property
    def latest_results(self) -> tuple[ChangesetReport, ...]:
        """The latest results, as many as fit into a report."""
        return tuple(self.results[-MAX_CHANGESETS:])

    def set_result(self, identity: str, result: Result, duration: float | None = None) -> None:
        """Set the result of a changeset; `duration` in seconds."""
        last = self.results[-1] if self.results else None
        if last is not None and last.identity == identity and last.result in _NOT_FINAL:
            self.results.pop()
        entry = ChangesetReport(identity=identity, result=result, duration=duration)
        self.results.append(entry)

    def begin(self, identity: str, result: Result) -> None:
        """Begin a changeset, which ends the one before it."""
        self.end(Outcome.RUNNING)
        self.set_result(identity, result)

    def _count(self, text: str) -> None:
        match = re.fullmatch(r"(?P<what>[A-Z][\w /]*): +(?P<count>\d+)", text)
        if match is None:
            return
        total = _TOTALS.get(match["what"])
        if total is not None:
            self.counts[total] = int(match["count"])
        else:
            self.filtered[match["what"]] = int(match["count"])


Update = Callable[[Progress, re.Match[str]], None]


def _ends(result: Result) -> Update:
    def update(progress: Progress, match: re.Match[str]) -> None:
        groups: Mapping[str, str] = match.groupdict()
        duration = int(groups["ms"]) / 1000 if "ms" in groups else None
        progress.set_result(match["identity"], result, duration)

    return update


def _begins(result: Result) -> Update:
    return lambda progress, match: progress.begin(match["identity"], result)


def _sets(name: str) -> Update:
    return lambda progress, match: setattr(progress, name, match[1])


def _set_lock_taken(progress: Progress, _: re.Match[str]) -> None:
    progress.took_lock = True


def _set_changelog(progress: Progress, match: re.Match[str]) -> None:
    parts = (part.strip('"').replace('""', '"') for part in match.groups())
    progress.changelog = ".".join(parts)


_NAME = r'("(?:[^"]|"")+"|[^."]+)'
_MESSAGES: tuple[tuple[re.Pattern[str], Update], ...] = tuple(
    (re.compile(pattern), update)
    for pattern, update in (
        (r"Running Changeset: (?P<identity>.+)", _begins(Result.RUNNING)),  # since 4.22
        (r"Rolling Back Changeset: (?P<identity>.+)", _begins(Result.ROLLING_BACK)),  # since 4.22
        (r"ChangeSet (?P<identity>.+) ran successfully in (?P<ms>\d+)ms", _ends(Result.RAN)),
        (r"ChangeSet (?P<identity>.+) encountered an exception\.", _ends(Result.FAILED)),
        (
            r"Changeset (?P<identity>.+) failed, (?:but failOnError was false|and the error was "
            r"ignored because 'failOnError' was set to false)\.",
            _ends(Result.FAILURE_IGNORED),
        ),
        (
            r'Marking ChangeSet: "?(?P<identity>.+?)"? (?:as ran despite precondition failure|'
            r"ran despite precondition error)",
            _ends(Result.MARKED_RAN),
        ),
        (
            # Of the changelog itself, the message has no identity, which is path::id::author.
            r"Continuing past: (?=[^:]+(?::(?!:)[^:]+)*::)(?P<identity>.+) despite precondition "
            r"failure",
            _ends(Result.SKIPPED),
        ),
        (r"Starting Liquibase at .*\(version ([\w.+-]{1,50})", _sets("version")),  # since 4.22
        (r"Using deploymentId: (\d{1,20})", _sets("deployment_id")),  # since 4.22
        # In English and in German; no other translation has this message.
        (
            "Successfully acquired change log lock|Changelog-Protokoll erfolgreich gesperrt",
            _set_lock_taken,
        ),
        (rf"Reading from {_NAME}\.{_NAME}$", _set_changelog),
    )
)
