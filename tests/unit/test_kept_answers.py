"""What is kept for a while, and queries that a server does not run."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import pytest

from pg_migration_exporter.collectors import COLLECTORS, cache
from pg_migration_exporter.collectors.cache import CachedResult
from pg_migration_exporter.postgres.query import Query
from tests.fixtures.capabilities import PRIMARY, STANDBY, make_capabilities


class Clock:
    """The clock of the collectors, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(cache, "time", SimpleNamespace(monotonic=lambda: self.now))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_what_is_kept_is_fresh_for_their_time_and_their_server(clock: Clock) -> None:
    kept = CachedResult()
    assert not kept.is_fresh(60, PRIMARY, "settings")
    fresh = []
    for _ in range(600):
        if not kept.is_fresh(60, PRIMARY, "settings"):
            kept.store({}, PRIMARY)
            fresh.append(clock.now)
            assert kept.is_fresh(60, PRIMARY, "settings")
            # Promoted, or another server behind the same address.
            assert not kept.is_fresh(60, STANDBY, "settings")
        clock.now += 1
    assert fresh[1] - fresh[0] <= 60
    assert {after - before for before, after in pairwise(fresh[1:])} == {60}


@pytest.mark.parametrize("datname", ["postgres", "game", "test_1", "test_2"])
def test_no_scrape_pays_for_everything_that_is_kept(clock: Clock, datname: str) -> None:
    """Scraped each 15 s, the first scrape asks for all, and each of the others for a part."""
    place = make_capabilities(version_num=150018, in_recovery=False, datname=datname)
    kept = {one.name: (one.ttl, CachedResult()) for one in COLLECTORS if one.ttl}
    asked = []
    for _ in range(80):
        due = [name for name, (ttl, one) in kept.items() if not one.is_fresh(ttl, place, name)]
        for name in due:
            kept[name][1].store({}, place)
        asked.append(due)
        clock.now += 15
    assert sorted(asked[0]) == sorted(kept)
    assert max(map(len, asked[1:])) <= len(kept) / 2 + 1
    for scrapes in zip(*[iter(asked[4:])] * 4, strict=True):
        in_a_minute = [name for due in scrapes for name in due]
        assert len(in_a_minute) == len(set(in_a_minute))
        assert {name for name, (ttl, _) in kept.items() if ttl == 60} <= set(in_a_minute)


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
