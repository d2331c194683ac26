"""What successive looks at pg_stat_statements add up to, whatever happens to its entries."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_migration_exporter.collectors.query_duration import names
from pg_migration_exporter.collectors.query_duration.statement_reader import Row, StatementReader
from pg_migration_exporter.collectors.query_duration.texts import normalize
from pg_migration_exporter.collectors.query_duration.top import (
    Counters,
    StatementKey,
    TopStatements,
)


def row(queryid: int, calls: int, rows: int = 0) -> Row:
    """An entry whose calls took 10 ms each."""
    seconds = calls * 0.01
    return Row(10, 5, queryid, True, calls, rows, seconds, 0.0, 0, 0.0, 0.0, 0.01, 0.01)


def counted(
    reading: StatementReader, *rows: Row, unknown: frozenset[int] = frozenset()
) -> dict[int, int]:
    keys = frozenset(one.key for one in rows if one.queryid in unknown)
    return {one.row.queryid: one.interval.calls for one in reading.look(rows, keys)}


def test_the_first_look_only_sets_the_mark() -> None:
    reading = StatementReader()
    assert counted(reading, row(1, 100)) == {}
    assert counted(reading, row(1, 103), row(2, 5)) == {1: 3, 2: 5}


def test_an_entry_that_vanished_and_came_back_counts_anew() -> None:
    reading = StatementReader()
    counted(reading, row(1, 100))
    assert counted(reading) == {}
    assert counted(reading, row(1, 4)) == {1: 4}


def test_an_entry_that_was_replaced_between_two_looks_counts_anew() -> None:
    reading = StatementReader()
    counted(reading, row(1, 100))
    [change] = reading.look([row(1, 4, rows=8)])
    assert (change.interval.calls, change.rows) == (4, 8)


def test_a_reset_is_known_even_if_more_was_called_since() -> None:
    reading = StatementReader()
    counted(reading, row(1, 3))
    reading.was_reset()
    assert counted(reading, row(1, 5)) == {1: 5}


def test_numbers_of_another_server_are_not_compared() -> None:
    reading = StatementReader()
    counted(reading, row(1, 3))
    reading.forget()
    assert counted(reading, row(1, 5000)) == {}


def test_an_undecided_entry_counts_later_with_all_of_its_calls() -> None:
    reading = StatementReader()
    counted(reading, row(1, 3), unknown=frozenset({1}))
    assert counted(reading, row(1, 4), row(2, 7), unknown=frozenset({1, 2})) == {}
    assert counted(reading, row(1, 5), row(2, 9)) == {1: 2, 2: 9}


def test_a_glimpse_counts_known_entries_alone() -> None:
    reading = StatementReader()
    assert reading.glimpse([row(1, 3)]) == []
    counted(reading, row(1, 3))
    assert [one.interval.calls for one in reading.glimpse([row(1, 4), row(2, 8)])] == [1]
    assert counted(reading, row(1, 6), row(2, 9)) == {1: 2, 2: 9}


looks = st.lists(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 5)), max_size=8), min_size=1, max_size=12
)


@given(looks, st.integers(0, 3))
def test_the_top_and_the_others_only_grow_and_miss_nothing(
    rounds: list[list[tuple[int, int]]], size: int
) -> None:
    top = TopStatements(size)
    published: dict[StatementKey | str, Counters] = {}
    called = grown = 0
    for calls in rounds:
        added = [(("db", queryid, "app"), Counters(n, n * 0.5, n)) for queryid, n in calls]
        top.count(added, elapsed=60)
        called += sum(n for _, n in calls)
        series: dict[StatementKey | str, Counters] = {**dict(top.series()), **dict(top.others())}
        assert len(dict(top.series())) <= size
        for key, counters in series.items():
            before = published.get(key, Counters())
            assert counters.calls >= before.calls
            assert counters.seconds >= before.seconds
            grown += counters.calls - before.calls
        published |= {key: replace(counters) for key, counters in series.items()}
    assert grown == called


def test_a_newcomer_takes_a_place_when_it_is_clearly_above() -> None:
    top = TopStatements(1)
    one, other = ("db", 1, "app"), ("db", 2, "app")
    top.count([(one, Counters(1, 10.0, 0))], elapsed=0)
    top.count([(other, Counters(1, 11.0, 0))], elapsed=0)
    assert top.shown == {one}
    top.count([(other, Counters(1, 11.0, 0))], elapsed=0)
    assert top.shown == {other}
    assert dict(top.others())["db"].calls == 1


def test_a_database_that_is_gone_takes_its_series_along() -> None:
    top = TopStatements(1)
    gone, kept = ("gone", 1, "app"), ("kept", 1, "app")
    top.count([(gone, Counters(9, 9.0, 0)), (("gone", 2, "app"), Counters(1, 1.0, 0))], elapsed=0)
    top.count([(kept, Counters(1, 1.0, 0))], elapsed=0)
    top.forget("gone")
    assert top.shown == set()
    assert list(dict(top.others())) == ["kept"]
    top.count([(gone, Counters(1, 9.0, 0))], elapsed=0)
    assert dict(top.series()) == {gone: Counters(1, 9.0, 0)}


def test_a_database_is_gone_when_nobody_looks_back_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(names, "time", SimpleNamespace(monotonic=lambda: now))
    known = names.Names()

    def learn(*databases: str) -> set[str]:
        known.learn([("database", oid, name) for oid, name in enumerate(databases)], frozenset())
        return known.long_gone()

    assert learn("kept", "dropped", "made again") == set()
    now += 60
    assert learn("kept") == set()
    now += 240
    assert learn("kept", "made again") == set()
    now += 120
    assert learn("kept", "made again") == {"dropped"}
    assert learn("kept", "made again") == set()


def test_what_does_not_exist_any_more_is_forgotten() -> None:
    top = TopStatements(0)
    top.count([(("db", 1, "app"), Counters(1, 10.0, 0))], elapsed=0)
    top.keep([])
    top.size = 5
    top.count([], elapsed=0)
    assert top.shown == set()
    assert dict(top.others())["db"].calls == 1


def test_texts_show_no_value() -> None:
    secret = "hunter2"
    for text in (
        f"CREATE ROLE bob PASSWORD '{secret}'",
        f"ALTER ROLE bob PASSWORD 'it''s {secret}'",
        f"ALTER ROLE bob PASSWORD E'it\\'s {secret}'",
        f"DO $x$ BEGIN PERFORM '{secret}'; END $x$",
        f"DO $$ {secret} cut off",
        f"COMMENT ON TABLE t IS '{secret} cut off",
    ):
        assert secret not in normalize(text)


def test_texts_keep_names_and_parameters() -> None:
    text = "SELECT t1.c2,\n  $1, 42, 1.5e3 FROM t1 WHERE \"x\" = 'a' AND n > 7"
    assert normalize(text) == 'SELECT t1.c2, $1, ?, ? FROM t1 WHERE "x" = ? AND n > ?'
