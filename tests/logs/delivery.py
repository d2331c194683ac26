"""What a server has written beside what a sink has stored: the truth of the delivery tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from testbed.ports import LOOPBACK
from testbed.sink import Sink
from testbed.waiting import wait_until
from tests.fixtures.fluent_bit import LoggingServer

_LOOP = "DO $$ BEGIN FOR i IN 1..{} LOOP RAISE WARNING '{} batch {} %', i; END LOOP; END $$"


@dataclass(slots=True)
class Delivery:
    """The entries of one test, which all hold its `marker`."""

    logging: LoggingServer
    sink: Sink
    marker: str
    figure: Callable[[str], None]
    _batches: int = field(default=0, init=False)
    _entries: int = field(default=0, init=False)

    def values(self, **output: Any) -> Mapping[str, Any]:
        """The `logs` part of values that lead from the server's log to the sink."""
        where = {"host": LOOPBACK, "port": self.sink.port, "tls": False, **output}
        return {"directory": str(self.logging.folder), "output": where}

    def write(self, entries: int = 200) -> None:
        """Log that many entries at once, no two alike."""
        self._batches += 1
        self._entries += entries
        loop = _LOOP.format(entries, self.marker, self._batches)
        self.logging.server.database().execute(loop, options="-c client_min_messages=error")

    def written(self) -> list[str]:
        """Await that all is in the server's files; the messages, sorted."""
        count = f"{self._entries} entries are in the log"
        wait_until(lambda: len(self._logged()) == self._entries, 30, count)
        return self._logged()

    def _logged(self) -> list[str]:
        lines = (
            line
            for path in self.logging.folder.glob("*.json")
            for line in path.read_text().splitlines(keepends=True)
        )
        entries = (json.loads(line) for line in lines if line.endswith("\n"))
        warnings = (entry["message"] for entry in entries if entry["error_severity"] == "WARNING")
        return sorted(filter(self._is_ours, warnings))

    def stored(self) -> list[str]:
        """Warnings of this test in the sink, sorted."""
        messages = (document["message"] for document in list(self.sink.documents.values()))
        return sorted(filter(self._is_ours, messages))

    def _is_ours(self, message: str) -> bool:
        return message.startswith(f"{self.marker} batch ")

    def assert_complete(self, but: int = 0) -> None:
        """Await that all is stored, `but` for so many at most, and find nothing there twice.

        The last batch has to be complete, so that nothing more can come.
        """
        expected = self.written()
        last = {text for text in expected if f" batch {self._batches} " in text}
        assert last
        wait_until(
            lambda: len(self.stored()) >= len(expected) - but and last <= set(self.stored()),
            60,
            f"{len(expected)} entries are stored",
            explain=lambda: f"{len(self.stored())} are; statuses: {dict(self.sink.statuses)}",
        )
        stored = self.stored()
        assert len(set(stored)) == len(stored)
        assert set(stored) <= set(expected)
        self.tell()

    def tell(self) -> None:
        """Report how many were written, and how many stored."""
        self.figure(f"{self.marker}: {len(self.written())} written, {len(self.stored())} stored")
