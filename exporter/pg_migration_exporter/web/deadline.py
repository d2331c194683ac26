"""How long a scrape may take: what Prometheus says it waits, less a margin, capped."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pg_migration_exporter.config.schema import ScrapeSection

HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
_LEAST = 0.05


def scrape_timeout(headers: Mapping[str, str], settings: ScrapeSection) -> float:
    """Seconds for one scrape. A header that is no sensible number counts as absent.

    The offset never takes more than half of a short timeout.
    """
    try:
        asked = float(headers.get(HEADER, "nan"))
    except ValueError:
        asked = math.nan
    if not asked > 0:
        return settings.timeout
    return max(min(asked - min(settings.timeout_offset, asked / 2), settings.timeout), _LEAST)
