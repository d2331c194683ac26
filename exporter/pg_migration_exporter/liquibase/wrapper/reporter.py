"""Build and send the report of a run in a background thread."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pg_migration_exporter.liquibase.reports.report import (
    HEARTBEAT_INTERVAL,
    Failure,
    Outcome,
    Report,
    RunTarget,
)
from pg_migration_exporter.liquibase.wrapper.log_file import LogFile
from pg_migration_exporter.liquibase.wrapper.log_records import LogRecordReader
from pg_migration_exporter.liquibase.wrapper.outbox import Outbox
from pg_migration_exporter.liquibase.wrapper.progress import Progress
from pg_migration_exporter.liquibase.wrapper.sinks import Sink

#: Seconds between two reads of the log.
_READ_EVERY = 0.5
#: Seconds that the end of a run may be delayed for its report.
_FINISH_WITHIN = 3.0


@dataclass(slots=True)
class Reporter:
    """Reports one run: `start`, `finish`, `close`, all quick. `hide` masks secrets in a text."""

    report: Report
    log: LogFile
    sinks: Sequence[Sink]
    hide: Callable[[str], str]
    _outboxes: Sequence[Outbox] = ()
    _progress: Progress = field(default_factory=Progress)
    _records: LogRecordReader = field(default_factory=LogRecordReader)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self, pid: int) -> None:
        """Report the start of the run, and continue in the background."""
        self.report = self.report.model_copy(update={"pid": pid})
        self._outboxes = [Outbox(sink) for sink in self.sinks]
        self._publish()
        self._thread = threading.Thread(target=self._follow, name="reporter", daemon=True)
        self._thread.start()

    def finish(self, exit_code: int) -> list[str]:
        """Report the end; return a message without secrets for each sink that failed."""
        if self._thread is None:
            return []
        until = time.monotonic() + _FINISH_WITHIN
        self._ended.set()
        self._thread.join(_FINISH_WITHIN)
        self._read_log(final=True)
        self._publish(exit_code)
        for outbox in self._outboxes:
            outbox.await_last(until)
        return [
            f"{outbox.name}: {self.hide(outbox.problem)}"
            for outbox in self._outboxes
            if outbox.problem
        ]

    def close(self) -> None:
        """Remove temporary files."""
        self.log.remove()

    def _follow(self) -> None:
        with contextlib.suppress(Exception):  # `finish` meets the same error and reports it
            while not self._ended.wait(_READ_EVERY):
                if self._read_log() or time.time() - self.report.updated > HEARTBEAT_INTERVAL:
                    self._publish()

    def _read_log(self, *, final: bool = False) -> bool:
        """Read new log records; return whether there were any."""
        before = self._progress.records
        while content := self.log.read():
            self._add(content)
        if final:
            self._add(b"", final=True)
        return self._progress.records > before

    def _add(self, content: bytes, *, final: bool = False) -> None:
        for record in self._records.feed(content, final=final):
            self._progress.add(record)

    def _publish(self, exit_code: int | None = None) -> None:
        self.report = self._end(exit_code) if exit_code is not None else self._snapshot()
        for outbox in self._outboxes:
            outbox.put(self.report)

    def _snapshot(self) -> Report:
        progress, target = self._progress, self.report.target
        if progress.changelog:
            target = RunTarget(**dict(target) | {"changelog": progress.changelog})
        return self.report.model_copy(
            update={
                "updated": time.time(),
                "target": target,
                "changesets": progress.latest_results,
                "changesets_omitted": len(progress.results) - len(progress.latest_results),
                "summary": progress.summary,
                "liquibase_version": progress.version,
                "deployment_id": progress.deployment_id,
                "lock_taken": progress.took_lock or None,
                "limitation": self.log.limitation,
            }
        )

    def _end(self, exit_code: int) -> Report:
        outcome = outcome_of(exit_code)
        self._progress.end(outcome)
        report = self._snapshot()
        failure = None if outcome is Outcome.SUCCEEDED else self._failure(exit_code)
        # A killed run may not have written the end of its log.
        is_complete = outcome is not Outcome.KILLED and self._progress.records > 0
        if is_complete and not report.limitation:
            report = report.model_copy(update={"lock_taken": self._progress.took_lock})
        return report.model_copy(
            update={
                "ended": report.updated,
                "outcome": outcome,
                "exit_code": exit_code,
                "failure": failure,
            }
        )

    def _failure(self, exit_code: int) -> Failure:
        failure = self._progress.failure or Failure(reason=_reason(exit_code))
        changeset = failure.changeset or self._progress.failed_changeset
        return Failure(changeset=changeset, reason=self.hide(failure.reason))


def outcome_of(exit_code: int) -> Outcome:
    """Return the outcome for an exit code as a shell gives it."""
    if _signal_of(exit_code) is not None:
        return Outcome.KILLED
    return Outcome.FAILED if exit_code else Outcome.SUCCEEDED


def _reason(exit_code: int) -> str:
    number = _signal_of(exit_code)
    return f"it was ended by {number.name}" if number else f"it ended with exit code {exit_code}"


def _signal_of(exit_code: int) -> signal.Signals | None:
    with contextlib.suppress(ValueError):
        return signal.Signals(exit_code - 128)
    return None
