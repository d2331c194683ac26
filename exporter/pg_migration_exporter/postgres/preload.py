"""The order in which the server loads the extensions that watch statements.

The one that is named later is called first, and pg_stat_monitor, called first, hides utility
statements from pg_stat_statements (docs/query-latency.md, "Other sources").
"""

from __future__ import annotations

#: System view pg_settings: no row for a role that may not read this setting.
SQL = "select setting from pg_settings where name = 'shared_preload_libraries'"

_FIRST, _SECOND = "pg_stat_monitor", "pg_stat_statements"


def warning(libraries: str) -> str | None:
    """Say what a value of shared_preload_libraries loses by its order, and what to set."""
    names = [_name(library) for library in libraries.split(",")]
    if not {_FIRST, _SECOND} <= set(names) or names.index(_FIRST) < names.index(_SECOND):
        return None
    return (
        f"shared_preload_libraries names {_SECOND} before {_FIRST}: {_SECOND} then sees no utility "
        "statements (DDL, COMMIT, LOCK), which the latency of source statements lacks, and source "
        f"monitor may count failed ones as calls that took no time. Name {_FIRST} before "
        f"{_SECOND}, and restart the server"
    )


def _name(library: str) -> str:
    """The name of a library that may be quoted, with its folder or with its suffix."""
    return library.strip().strip('"').rpartition("/")[2].removesuffix(".so")
