from __future__ import annotations

import pytest

from pg_migration_exporter.postgres.preload import warning


@pytest.mark.parametrize(
    "libraries",
    [
        "pg_stat_statements,pg_stat_monitor",
        "pg_stat_statements, auto_explain, pg_stat_monitor",
        '"pg_stat_statements", "/opt/my libraries/pg_stat_monitor.so"',
        "$libdir/pg_stat_statements,$libdir/pg_stat_monitor",
    ],
)
def test_an_order_that_loses_statements_is_told(libraries: str) -> None:
    message = warning(libraries)
    assert message
    assert "Name pg_stat_monitor before pg_stat_statements, and restart the server" in message


@pytest.mark.parametrize(
    "libraries",
    [
        "",
        "pg_stat_statements",
        "pg_stat_monitor",
        "pg_stat_monitor, pg_stat_statements",
        "auto_explain,pg_stat_monitor,timescaledb,pg_stat_statements",
        "pg_stat_statements,my_pg_stat_monitor",
    ],
)
def test_any_other_order_is_fine(libraries: str) -> None:
    assert warning(libraries) is None
