"""The statements with most time for the status API, the first one first."""

from __future__ import annotations

from typing import Any

from pg_migration_exporter.collectors.query_duration.sampling import Statements


def status(memory: Statements) -> list[dict[str, Any]]:
    """A JSON object for each statement; `text` only where the configuration allows it."""
    rows = sorted(memory.top.series(), key=lambda one: one[1].seconds, reverse=True)
    return [
        {
            "datname": datname,
            "usename": usename,
            "queryid": str(queryid),
            "calls": counters.calls,
            "seconds": round(counters.seconds, 6),
            "rows": counters.rows,
            **({"text": text} if (text := memory.texts.get(queryid)) is not None else {}),
        }
        for (datname, queryid, usename), counters in rows
    ]
