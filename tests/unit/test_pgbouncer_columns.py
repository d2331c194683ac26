"""The columns that each version of PgBouncer shows, as its sources and NEWS.md list them.

Those of 1.18, 1.24 and 1.26 are what PgBouncer 1.18.0, 1.24.1 and 1.26.1 answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.collectors.pgbouncer.collector import publish
from pg_migration_exporter.collectors.pgbouncer.limits import Limit, limits
from pg_migration_exporter.collectors.pgbouncer.pgbouncer_families import CONFIG, LISTS, SHOWS
from pg_migration_exporter.collectors.pools import POOL_UTILIZATION
from pg_migration_exporter.metrics.families import Family

Answers = Mapping[str, Sequence[Mapping[str, Any]]]

_DATABASE = "name host port database force_user pool_size min_pool_size"
_CONNECTIONS = "max_connections current_connections"
_POOL = (
    "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active"
    " sv_active_cancel sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us"
    " pool_mode"
)
_STATS = "xact_count query_count bytes_received bytes_sent xact_time query_time wait_time"

#: Columns by the version that first has them so; a version without an entry shows the ones before.
COLUMNS = {
    18: {
        "DATABASES": f"{_DATABASE} reserve_pool pool_mode {_CONNECTIONS} paused disabled",
        "USERS": "name pool_mode",
        "POOLS": _POOL,
        "STATS_TOTALS": f"database {_STATS}",
    },
    23: {
        "DATABASES": f"{_DATABASE} reserve_pool server_lifetime pool_mode {_CONNECTIONS} paused"
        " disabled",
        "USERS": "name pool_size pool_mode max_user_connections current_connections",
        "STATS_TOTALS": f"database server_assignment_count {_STATS}",
    },
    24: {
        "DATABASES": f"{_DATABASE} reserve_pool_size server_lifetime pool_mode load_balance_hosts"
        f" {_CONNECTIONS} max_client_connections current_client_connections paused disabled",
        "USERS": "name pool_size reserve_pool_size pool_mode max_user_connections"
        " current_connections max_user_client_connections current_client_connections",
        "POOLS": f"{_POOL} load_balance_hosts",
        "STATS_TOTALS": f"database server_assignment_count {_STATS} client_parse_count"
        " server_parse_count bind_count",
    },
    26: {
        "STATS_TOTALS": f"database server_assignment_count {_STATS} client_parse_count"
        " server_parse_count bind_count client_login_count",
    },
}

#: What is the same in all of them. Every other column holds 1.
_VALUES = {
    "name": "quests",
    "database": "quests",
    "user": "app",
    "host": "db",
    "force_user": None,
    "pool_mode": None,
    "load_balance_hosts": None,
    "pool_size": 4,
    "max_connections": 8,
    "max_user_connections": 10,
}


def answers(version: int) -> Answers:
    """What 1.`version` answers, with one row of each kind."""
    columns: dict[str, str] = {}
    for since, shown in COLUMNS.items():
        if since <= version:
            columns |= shown
    rows = {
        command: [{name: _VALUES.get(name, 1) for name in names.split()}]
        for command, names in columns.items()
    }
    for user in rows["USERS"]:
        user["name"] = "app"
        if "pool_size" in user:
            user["pool_size"] = "        2"
    return {
        **rows,
        "VERSION": [{"version": f"PgBouncer 1.{version}.0"}],
        "LISTS": [{"list": name, "items": 5} for name in (*LISTS, "dns_pending", "peers")],
        "CONFIG": [
            {"key": "max_client_conn", "value": "100", "default": "100", "changeable": "yes"},
            {"key": "max_user_connections", "value": "20", "default": "0", "changeable": "yes"},
            {"key": "logfile", "value": "/var/log/x", "default": "", "changeable": "yes"},
        ],
    }


class Published:
    """In place of a context: keeps what is added to it."""

    def __init__(self, shown: Answers) -> None:
        self.samples: dict[str, dict[tuple[str, ...], float]] = {}
        publish(shown, cast("RunContext[Any]", self))

    def add(self, family: Family, value: float, *labels: str) -> None:
        assert len(labels) == len(family.labels)
        self.samples.setdefault(family.name, {})[labels] = value


VERSIONS = range(18, 27)
_LATER = {
    "pgbouncer_stats_totals_server_assignments_total": 23,
    "pgbouncer_stats_totals_client_parses_total": 24,
    "pgbouncer_stats_totals_server_parses_total": 24,
    "pgbouncer_stats_totals_binds_total": 24,
    "pgbouncer_stats_totals_client_logins_total": 26,
}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_fills_every_family_that_it_can(version: int) -> None:
    published = Published(answers(version))
    expected = {
        column.family.name
        for show in SHOWS
        for column in show.columns
        if _LATER.get(column.family.name, 18) <= version
    }
    pgbouncer = {name for name in published.samples if name.startswith("pgbouncer_")}
    assert pgbouncer == expected | {
        "pgbouncer_version_info",
        *(family.name for family in (*LISTS.values(), *CONFIG.values())),
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_a_renamed_column_keeps_its_name_here(version: int) -> None:
    samples = Published(answers(version)).samples["pgbouncer_databases_reserve_pool"]
    assert samples == {("quests", "db", "1", "quests", "", ""): 1}


@pytest.mark.parametrize("version", VERSIONS)
def test_limits(version: int) -> None:
    """Before 1.23, users have no pool_size of their own and one limit for all."""
    per_user = version >= 23
    assert list(limits(answers(version))) == [
        Limit("pool_size quests/app", 5, 2 if per_user else 4),
        Limit("max_db_connections quests", 1, 8),
        Limit("max_user_connections app", 7, 10 if per_user else 20),
        Limit("max_client_conn", 5, 100),
    ]
    use = Published(answers(version)).samples[POOL_UTILIZATION.name]
    assert use["pgbouncer", "max_client_conn"] == 0.05


def test_no_limit_is_no_pool() -> None:
    shown = {key: [dict(row) for row in rows] for key, rows in answers(18).items()}
    shown["DATABASES"][0]["max_connections"] = 0
    shown["CONFIG"] = [{"key": "max_user_connections", "value": "0"}]
    assert [limit.name for limit in limits(shown)] == ["pool_size quests/app"]


def test_microseconds_become_seconds() -> None:
    shown = {key: [dict(row) for row in rows] for key, rows in answers(25).items()}
    shown["STATS_TOTALS"][0]["wait_time"] = 2_500_000
    samples = Published(shown).samples
    assert samples["pgbouncer_stats_totals_client_wait_seconds_total"] == {("quests",): 2.5}
