"""No statement of the exporter may wait for a lock of a user's table: each text is read here.

The functions below open the relation that they are asked about, with ACCESS SHARE: they wait behind
an ACCESS EXCLUSIVE lock, one that is only queued included (PostgreSQL, "Database Object Size
Functions", "System Catalog Information Functions", and the source of each). A statement may use
them only next to the guard: on nothing that such a lock is held or awaited for.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pg_migration_exporter
from pg_migration_exporter.collectors import COLLECTORS
from pg_migration_exporter.collectors.tables.sql import GUARD, LOCKED
from pg_migration_exporter.postgres.query import Query

_LOCKING = re.compile(
    r"\b(pg_relation_size|pg_table_size|pg_total_relation_size|pg_indexes_size|pg_get_expr|"
    r"pg_get_indexdef|pg_get_constraintdef|pg_get_ruledef|pg_get_triggerdef|pg_get_viewdef|"
    r"pg_get_partkeydef|pg_get_partition_constraintdef|pg_get_statisticsobjdef|"
    r"pg_partition_tree|pg_partition_ancestors|pgstattuple|pgstatindex|pgstattuple_approx|"
    r"pg_indexes|pg_rules|pg_views|pg_matviews|pg_stats_ext_exprs)\b",
    re.IGNORECASE,
)
#: What takes a lock by itself, and what a read-only observer has no business with.
_FORBIDDEN = re.compile(
    r"\b(lock\s+table|for\s+(update|share|no\s+key|key\s+share)|pg_advisory\w*|begin|vacuum|analyze|"
    r"insert\s+into|update\s+\w+\s+set|delete\s+from|create|drop|alter|truncate)\b",
    re.IGNORECASE,
)
#: A time elapsed that a server's clock which is set back would make negative: it stands neither in
#: greatest() nor in what collectors.columns.age() writes.
_UNBOUNDED = re.compile(
    r"(?<!greatest\()(?<!case when )(?<!then 0 else )extract\(epoch from clock_timestamp\(\)\s*-"
)
_LITERAL = re.compile(r"'(?:[^']|'')*'")


def texts() -> Iterator[tuple[str, str]]:
    """Every SQL text with a name: those of the collectors, and all constants of all modules."""
    for collector in COLLECTORS:
        for number, query in enumerate(collector.queries):
            yield from named(f"{collector.name}.{number}", query)
    package = pg_migration_exporter
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                yield from named(f"{module.name}.{name}", value)


def named(name: str, value: object) -> Iterator[tuple[str, str]]:
    """The SQL texts that `value` is."""
    if isinstance(value, Query):
        yield from ((f"{name}@{version}", text) for version, text in value.variants.items())
    elif isinstance(value, str) and re.match(r"\s*(select|with|explain)\s", value, re.IGNORECASE):
        yield name, value


_TEXTS = dict(texts())


def unguarded(text: str) -> list[str]:
    """The locking functions in `text` without a guard next to them."""
    guarded = GUARD in text and LOCKED in text
    return [] if guarded else _LOCKING.findall(_LITERAL.sub("''", text))


@pytest.mark.parametrize("name", _TEXTS)
def test_no_statement_locks_a_relation_unguarded(name: str) -> None:
    assert unguarded(_TEXTS[name]) == []


@pytest.mark.parametrize("name", _TEXTS)
def test_every_statement_only_reads(name: str) -> None:
    assert _FORBIDDEN.findall(_LITERAL.sub("''", _TEXTS[name])) == []


@pytest.mark.parametrize("name", _TEXTS)
def test_no_elapsed_time_is_negative(name: str) -> None:
    assert _UNBOUNDED.findall(_TEXTS[name]) == []


def test_no_other_module_holds_sql_with_a_locking_function() -> None:
    """Statements may also be made inside functions: then their source names the function."""
    package = Path(pg_migration_exporter.__file__).parent
    named = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        if _LOCKING.search(file.read_text(encoding="utf-8"))
    }
    assert named == {"collectors/tables/sql.py", "gate/expect/sql.py"}


@pytest.mark.parametrize(
    "text",
    [
        "select pg_relation_size(oid) from pg_class",
        "select PG_GET_EXPR(adbin, adrelid) from pg_attrdef",
        "select * from pg_indexes",
    ],
)
def test_an_unguarded_one_would_be_found(text: str) -> None:
    assert unguarded(text)
    assert not unguarded(LOCKED + text + GUARD)
