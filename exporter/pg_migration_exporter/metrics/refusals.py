"""Clients that were refused: counted, and logged at most once a minute for each reason."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum

from pg_migration_exporter.metrics.families import Family, FamilySamples

log = logging.getLogger(__name__)

REFUSED = Family(
    "migration_exporter_http_refused_total",
    "counter",
    "Requests and connections that the exporter refused or ended, by reason (docs/security.md).",
    ("reason",),
)

FAMILIES = (REFUSED,)

#: Seconds between two log lines of one reason.
_LOG_INTERVAL = 60.0


class Reason(StrEnum):
    """Why a client was refused; the values are labels."""

    INVALID = "invalid"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    TOO_MANY_LOGINS = "too_many_logins"
    RATE_LIMIT = "rate_limit"
    TLS = "tls"


class Refusals:
    """The refusals of one listener."""

    def __init__(self) -> None:
        self.counts: Counter[Reason] = Counter(dict.fromkeys(Reason, 0))
        self._logged_at: dict[Reason, float] = {}

    def count(self, reason: Reason, client: str) -> None:
        """Count one refusal; `client` is its address."""
        self.counts[reason] += 1
        now = time.monotonic()
        if now - self._logged_at.get(reason, -_LOG_INTERVAL) >= _LOG_INTERVAL:
            self._logged_at[reason] = now
            log.warning("refused %s: %s (%d so far)", client, reason, self.counts[reason])

    def families(self) -> Iterator[FamilySamples]:
        """Yield the counts."""
        yield FamilySamples(REFUSED, [((reason,), count) for reason, count in self.counts.items()])
