"""Check of the order of pg_stat_statements and pg_stat_monitor in shared_preload_libraries.

The library that is named last is called first, and pg_stat_monitor, called first, hides utility
statements from pg_stat_statements (docs/query-latency.md, "Other sources").
"""

from __future__ import annotations

#: No row for a role that may not read this setting (PostgreSQL, "pg_settings").
SQL = "select setting from pg_settings where name = 'shared_preload_libraries'"

_MONITOR = "pg_stat_monitor"
_STATEMENTS = "pg_stat_statements"


def warning(libraries: str) -> str | None:
    """Return what is lost by the order of `libraries` and how to fix it, None if it is right."""
    names = [_name(library) for library in libraries.split(",")]
    if _MONITOR not in names or _STATEMENTS not in names:
        return None
    if names.index(_MONITOR) < names.index(_STATEMENTS):
        return None
    return (
        f"shared_preload_libraries names {_STATEMENTS} before {_MONITOR}: {_STATEMENTS} then "
        "misses utility statements (DDL, COMMIT, LOCK), so that the latency of source statements "
        "lacks them, and source monitor may count failed ones as calls that took no time. Name "
        f"{_MONITOR} before {_STATEMENTS}, and restart the server"
    )


def _name(library: str) -> str:
    """Return the name of a library without quotes, folder and suffix."""
    return library.strip().strip('"').rpartition("/")[2].removesuffix(".so")
