"""Results that are cached for a while, and queries that a server does not run."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pg_migration_exporter.collectors import COLLECTORS
from pg_migration_exporter.collectors.cache import CachedResult
from pg_migration_exporter.config.limits import Bounds
from pg_migration_exporter.postgres.query import Query
from tests.fixtures.capabilities import PRIMARY, STANDBY, make_capabilities
from tests.fixtures.clock import SetClock


def test_a_cached_result_is_fresh_for_its_period_and_server() -> None:
    clock = SetClock()
    result = CachedResult(clock=clock)
    assert not result.is_fresh(60, PRIMARY, "settings")
    fresh = []
    for _ in range(600):
        if not result.is_fresh(60, PRIMARY, "settings"):
            result.store({}, PRIMARY, Bounds())
            fresh.append(clock.now)
            assert result.is_fresh(60, PRIMARY, "settings")
            # Promoted, or another server behind the same address.
            assert not result.is_fresh(60, STANDBY, "settings")
        clock.now += 1
    assert fresh[1] - fresh[0] <= 60
    assert {after - before for before, after in pairwise(fresh[1:])} == {60}


@pytest.mark.parametrize("datname", ["postgres", "game", "test_1", "test_2"])
def test_no_scrape_reads_everything_that_is_cached(datname: str) -> None:
    """Scraped each 15 s, the first scrape reads all, and each of the others a part."""
    clock = SetClock()
    server = make_capabilities(version_num=150018, in_recovery=False, datname=datname)
    cached = {
        collector.name: (collector.ttl, CachedResult(clock=clock))
        for collector in COLLECTORS
        if (collector.ttl or 0) >= 60  # others are read in most scrapes
    }
    reads = []
    for _ in range(80):
        due = [
            name for name, (ttl, result) in cached.items() if not result.is_fresh(ttl, server, name)
        ]
        for name in due:
            cached[name][1].store({}, server, Bounds())
        reads.append(due)
        clock.now += 15
    assert sorted(reads[0]) == sorted(cached)
    assert max(map(len, reads[1:])) <= len(cached) / 2 + 1
    for scrapes in zip(*[iter(reads[4:])] * 4, strict=True):
        in_a_minute = [name for due in scrapes for name in due]
        assert len(in_a_minute) == len(set(in_a_minute))
        assert {name for name, (ttl, _) in cached.items() if ttl == 60} <= set(in_a_minute)


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
