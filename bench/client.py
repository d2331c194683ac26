"""A scrape like Prometheus's: with its headers, a deadline and a kept-alive connection."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Self

from testbed.ports import LOOPBACK

#: As Prometheus sends them, but for gzip: that would burden only the exporter that offers it.
_HEADERS = {
    "Accept": "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
    "Accept-Encoding": "identity",
}
_SERIES = re.compile(r"^[A-Za-z_:][\w:]*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response and its seconds; `status` is None if there was none before the deadline."""

    seconds: float
    status: int | None = None
    page: str = ""

    @property
    def samples(self) -> int:
        return len(_SERIES.findall(self.page))

    @property
    def names(self) -> frozenset[str]:
        """Names that have at least one sample."""
        return frozenset(_SERIES.findall(self.page))

    def is_complete(self, fault: str, names: frozenset[str] = frozenset()) -> bool:
        """Return whether it succeeded: all `names` are there, and no line matches `fault`."""
        admits_fault = re.search(fault, self.page, re.MULTILINE) is not None
        return self.status == HTTPStatus.OK and names <= self.names and not admits_fault


class Client:
    """Context manager that scrapes an exporter on a loopback port; `deadline` in seconds."""

    def __init__(self, port: int, deadline: float) -> None:
        self._headers = _HEADERS | {"X-Prometheus-Scrape-Timeout-Seconds": f"{deadline:g}"}
        self._connection = HTTPConnection(LOOPBACK, port, timeout=deadline)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def scrape(self) -> Answer:
        """Scrape once; a failure or a missed deadline is returned too."""
        started = time.perf_counter()
        try:
            status, page = self._get_again()
        except (OSError, HTTPException):
            self._connection.close()
            return Answer(time.perf_counter() - started)
        return Answer(time.perf_counter() - started, status, page.decode())

    def _get_again(self) -> tuple[int, bytes]:
        """GET; again on a new connection if the exporter had closed the kept-alive one."""
        try:
            return self._get()
        except ConnectionError:
            self._connection.close()
            return self._get()

    def _get(self) -> tuple[int, bytes]:
        self._connection.request("GET", "/metrics", headers=self._headers)
        response = self._connection.getresponse()
        return response.status, response.read()
