"""Rules that every declared collector and family keeps: no server needed."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from pg_migration_exporter.collectors import COLLECTORS, Collector
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.reference.catalogue import FAMILIES

_RESERVED_LABELS = {"le", "job", "instance"}
_WORDS = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def by_name(thing: Collector[Any] | Family) -> str:
    return thing.name


def test_names_are_unique() -> None:
    for things in (COLLECTORS, FAMILIES):
        repeated = [name for name, count in Counter(map(by_name, things)).items() if count > 1]
        assert repeated == []


@pytest.mark.parametrize("family", FAMILIES, ids=by_name)
def test_family(family: Family) -> None:
    assert _WORDS.fullmatch(family.name)
    assert family.name.startswith(
        ("postgres_", "liquibase_", "migration_", "pgbouncer_", "process_")
    )
    assert family.name.endswith("_total") == (family.type == "counter")
    assert family.help.endswith(".")
    assert not _RESERVED_LABELS & set(family.labels)
    assert len(set(family.labels)) == len(family.labels)
    assert all(_WORDS.fullmatch(label) for label in family.labels)


@pytest.mark.parametrize("collector", COLLECTORS, ids=by_name)
def test_collector(collector: Collector[Any]) -> None:
    assert _WORDS.fullmatch(collector.name)
    assert collector.help.endswith(".")
    assert collector.sources
    assert collector.families
    assert collector.queries or collector.collect is not None


@pytest.mark.parametrize("collector", COLLECTORS, ids=by_name)
@pytest.mark.parametrize("version", [140000, 150018, 160004, 170002, 180001, 190000])
def test_every_version_has_a_variant(collector: Collector[Any], version: int) -> None:
    for query in collector.queries:
        fitting = [oldest for oldest in query.variants if oldest <= version]
        if fitting or not query.optional:
            assert query.for_version(version) == query.variants[max(fitting)]


@pytest.mark.parametrize(
    "collector",
    [collector for collector in COLLECTORS if collector.collect is None],
    ids=by_name,
)
def test_every_family_is_a_column(collector: Collector[Any]) -> None:
    texts = " ".join(text for query in collector.queries for text in query.variants.values())
    for family in collector.families:
        for column in (family.name, *family.labels):
            assert re.search(rf"\b{column}\b", texts), column


def test_a_server_older_than_all_variants_is_refused() -> None:
    query = COLLECTORS[-1].queries[0]
    with pytest.raises(LookupError):
        query.for_version(query.oldest - 1)
