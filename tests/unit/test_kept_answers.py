"""Answers that are kept, and queries that a server does not run."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from pg_migration_exporter.collectors import base
from pg_migration_exporter.collectors.base import Kept
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.postgres.session import Rows


def server(**known: Any) -> Capabilities:
    """A server of which only what matters here is known."""
    return Capabilities(**dict.fromkeys((one.name for one in fields(Capabilities)), None) | known)


PRIMARY = server(version_num=150018, in_recovery=False)
STANDBY = server(version_num=150018, in_recovery=True)


def test_answers_are_fresh_for_their_time_and_their_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(base.time, "monotonic", lambda: now)
    kept = Kept()
    assert not kept.is_fresh(60, PRIMARY)
    kept.keep([Rows(("name",), [("a",)])], PRIMARY)
    now += 59
    assert kept.is_fresh(60, PRIMARY)
    assert not kept.is_fresh(60, STANDBY)  # promoted, or another server behind the same address
    now += 1
    assert not kept.is_fresh(60, PRIMARY)


@pytest.mark.parametrize(
    ("query", "on_primary", "on_standby"),
    [
        (Query("select"), True, True),
        (Query("select", on="standby"), False, True),
        (Query("select", on="primary"), True, False),
        (Query({160000: "select"}, optional=True), False, False),
        (Query({150000: "select"}, optional=True), True, True),
    ],
)
def test_a_query_runs_where_it_can(query: Query, on_primary: bool, on_standby: bool) -> None:
    assert query.runs_on(PRIMARY) == on_primary
    assert query.runs_on(STANDBY) == on_standby
