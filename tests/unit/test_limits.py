"""What a limit leaves out is counted, in the run that left it out and on the page."""

from __future__ import annotations

from typing import get_args

from pg_migration_exporter.config.limits import Bounds, LimitsSection, What
from pg_migration_exporter.engine.plan import Plan
from pg_migration_exporter.engine.scrape import CollectorResult, DatabaseScrape, Scrape
from pg_migration_exporter.engine.scrape_families import LEFT_OUT


def test_every_limit_is_a_kind_that_can_be_left_out() -> None:
    assert set(get_args(What)) == {
        *LimitsSection.model_fields,
        "watched_databases",
        "untrusted_tables",
    }


def test_the_first_items_are_kept_and_the_others_counted() -> None:
    bounds = Bounds(LimitsSection(tags=2))
    assert bounds.keep("tags", ["a", "b"]) == ["a", "b"]
    assert bounds.left_out == {}
    assert bounds.keep("tags", ["a", "b", "c"]) == ["a", "b"]
    assert bounds.keep("tags", range(6)) == range(2)
    assert bounds.left_out == {"tags": 5}


def scraped(datname: str, *left_out: dict[What, int]) -> DatabaseScrape:
    scrape = DatabaseScrape(Plan([]), datname)
    for number, counts in enumerate(left_out):
        scrape.results[f"collector {number}"] = CollectorResult(0.1, [], counts)
    return scrape


def test_collectors_that_leave_out_the_same_are_not_added_up() -> None:
    scrape = Scrape([scraped("game", {"databases": 7}, {"databases": 5, "roles": 1}, {})])
    scrape.databases.append(scraped("shop", {"tags": 3}))
    scrape.left_out = 4
    [family] = [family for family in scrape.families() if family.family is LEFT_OUT]
    assert dict(family.samples) == {
        ("game", "databases"): 7,
        ("game", "roles"): 1,
        ("game", "watched_databases"): 4,
        ("shop", "tags"): 3,
    }
