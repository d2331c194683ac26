"""Delivery in the background: one thread for each sink sends the latest report."""

from __future__ import annotations

import threading
import time

from pg_migration_exporter.liquibase.reports.report import Report
from pg_migration_exporter.liquibase.wrapper.sinks import Sink

#: Seconds between two reports of one run to the same sink, unless the run has ended.
_PAUSE = 1.0


class Outbox:
    """Holds the latest report until it is sent; its daemon thread ends with the process."""

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
        """Replace a report that is not sent yet; return at once."""
        with self._changed:
            self._latest = report
            self._changed.notify()

    def await_last(self, until: float) -> None:
        """Wait until the report of the run's end was sent, or sending it failed.

        Give up at `until` (time.monotonic).
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
        except Exception as error:  # noqa: BLE001 - the migration goes on
            first_line, *_ = str(error).splitlines() or [type(error).__name__]
            self.problem = first_line
        else:
            self.problem = ""
