"""Delivery beside the run: a thread for each way, which sends the latest report and no other."""

from __future__ import annotations

import threading
import time

from pg_migration_exporter.liquibase.reports.report import Report
from pg_migration_exporter.liquibase.wrapper.sinks import Sink

#: Seconds between two reports of one run to the same place, unless the run has ended.
_PAUSE = 1.0


class Outbox:
    """Holds the latest report until it is sent. Its thread never outlives the process."""

    def __init__(self, sink: Sink) -> None:
        self.name = sink.name
        #: Why the latest report is not delivered; "" if it is.
        self.problem = "no answer in time"
        self._sink = sink
        self._latest: Report | None = None
        self._changed = threading.Condition()
        self._tried_last = threading.Event()
        threading.Thread(target=self._run, name=self.name, daemon=True).start()

    def put(self, report: Report) -> None:
        """Have `report` sent instead of any that was not sent yet; returns at once."""
        with self._changed:
            self._latest = report
            self._changed.notify()

    def await_last(self, until: float) -> None:
        """Wait until the report of the run's end was sent, or sending it failed.

        `until` is the moment of time.monotonic() to give up at.
        """
        self._tried_last.wait(max(until - time.monotonic(), 0))

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._latest is not None)
                report, self._latest = self._latest, None
            assert report is not None
            self._send(report)
            if report.ended is not None:
                self._tried_last.set()
                return
            with self._changed:
                self._changed.wait_for(self._has_last, _PAUSE)

    def _has_last(self) -> bool:
        return self._latest is not None and self._latest.ended is not None

    def _send(self, report: Report) -> None:
        self.problem = "no answer in time"
        try:
            self._sink.send(report)
        except Exception as error:  # noqa: BLE001 - whatever it is, the migration goes on
            first_line, *_ = str(error).splitlines() or [type(error).__name__]
            self.problem = first_line
        else:
            self.problem = ""
