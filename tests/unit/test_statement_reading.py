"""What successive reads of pg_stat_statements add up to, whatever happens to its entries."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pg_migration_exporter.collectors.query_duration.object_names import ObjectNames
from pg_migration_exporter.collectors.query_duration.statement_memory import StatementMemory
from pg_migration_exporter.collectors.query_duration.statement_reader import Entry, StatementReader
from pg_migration_exporter.collectors.query_duration.statement_texts import normalize
from pg_migration_exporter.collectors.query_duration.top_statements import (
    Counters,
    StatementKey,
    TopStatements,
)
from pg_migration_exporter.config.schema import StatementsSection
from tests.fixtures.clock import SetClock


def entry(queryid: int, calls: int, rows: int = 0) -> Entry:
    """An entry whose calls took 10 ms each."""
    seconds = calls * 0.01
    return Entry(10, 5, queryid, True, calls, rows, seconds, 0.0, 0, 0.0, 0.0, 0.01, 0.01)


def counted(
    reader: StatementReader, *entries: Entry, undecided: frozenset[int] = frozenset()
) -> dict[int, int]:
    keys = frozenset(entry.key for entry in entries if entry.queryid in undecided)
    changes = reader.update(entries, keys)
    return {change.entry.queryid: change.interval.calls for change in changes}


def test_the_first_read_is_only_the_baseline() -> None:
    reader = StatementReader()
    assert counted(reader, entry(1, 100)) == {}
    assert counted(reader, entry(1, 103), entry(2, 5)) == {1: 3, 2: 5}


def test_an_entry_that_vanished_and_came_back_counts_anew() -> None:
    reader = StatementReader()
    counted(reader, entry(1, 100))
    assert counted(reader) == {}
    assert counted(reader, entry(1, 4)) == {1: 4}


def test_an_entry_that_was_replaced_between_two_reads_counts_anew() -> None:
    reader = StatementReader()
    counted(reader, entry(1, 100))
    [change] = reader.update([entry(1, 4, rows=8)])
    assert (change.interval.calls, change.rows) == (4, 8)


def test_a_reset_is_known_even_if_more_was_called_since() -> None:
    reader = StatementReader()
    counted(reader, entry(1, 3))
    reader.reset()
    assert counted(reader, entry(1, 5)) == {1: 5}


def test_numbers_of_another_server_are_not_compared() -> None:
    reader = StatementReader()
    counted(reader, entry(1, 3))
    reader.forget()
    assert counted(reader, entry(1, 5000)) == {}


def test_an_undecided_entry_counts_later_with_all_of_its_calls() -> None:
    reader = StatementReader()
    counted(reader, entry(1, 3), undecided=frozenset({1}))
    assert counted(reader, entry(1, 4), entry(2, 7), undecided=frozenset({1, 2})) == {}
    assert counted(reader, entry(1, 5), entry(2, 9)) == {1: 2, 2: 9}


def test_a_burst_sample_counts_known_entries_only() -> None:
    reader = StatementReader()
    assert reader.update_some([entry(1, 3)]) == []
    counted(reader, entry(1, 3))
    assert [change.interval.calls for change in reader.update_some([entry(1, 4), entry(2, 8)])] == [
        1
    ]
    assert counted(reader, entry(1, 6), entry(2, 9)) == {1: 2, 2: 9}


reads = st.lists(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 5)), max_size=8), min_size=1, max_size=12
)


@given(reads, st.integers(0, 3))
def test_the_top_and_the_others_only_grow_and_miss_nothing(
    rounds: list[list[tuple[int, int]]], size: int
) -> None:
    top = TopStatements(size)
    published: dict[StatementKey | str, Counters] = {}
    called = grown = 0
    for calls in rounds:
        added = [
            (StatementKey("db", queryid, "app"), Counters(n, n * 0.5, n)) for queryid, n in calls
        ]
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
    first, other = StatementKey("db", 1, "app"), StatementKey("db", 2, "app")
    top.count([(first, Counters(1, 10.0, 0))], elapsed=0)
    top.count([(other, Counters(1, 11.0, 0))], elapsed=0)
    assert top.shown == {first}
    top.count([(other, Counters(1, 11.0, 0))], elapsed=0)
    assert top.shown == {other}
    assert dict(top.others())["db"].calls == 1


def test_a_database_that_is_gone_takes_its_series_along() -> None:
    top = TopStatements(1)
    gone, kept = StatementKey("gone", 1, "app"), StatementKey("kept", 1, "app")
    other = StatementKey("gone", 2, "app")
    top.count([(gone, Counters(9, 9.0, 0)), (other, Counters(1, 1.0, 0))], elapsed=0)
    top.count([(kept, Counters(1, 1.0, 0))], elapsed=0)
    top.forget("gone")
    assert top.shown == set()
    assert list(dict(top.others())) == ["kept"]
    top.count([(gone, Counters(1, 9.0, 0))], elapsed=0)
    assert dict(top.series()) == {gone: Counters(1, 9.0, 0)}


def test_a_database_is_dropped_after_the_lookback() -> None:
    clock = SetClock()
    known = ObjectNames(clock)

    def update(*databases: str) -> set[str]:
        known.update([("database", oid, name) for oid, name in enumerate(databases)], frozenset())
        return known.pop_dropped()

    assert update("kept", "dropped", "made again") == set()
    clock.now += 60
    assert update("kept") == set()
    clock.now += 240
    assert update("kept", "made again") == set()
    clock.now += 120
    assert update("kept", "made again") == {"dropped"}
    assert update("kept", "made again") == set()


def test_what_does_not_exist_any_more_is_forgotten() -> None:
    top = TopStatements(0)
    top.count([(StatementKey("db", 1, "app"), Counters(1, 10.0, 0))], elapsed=0)
    top.retain([])
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


def test_statements_of_roles_that_migrate_do_not_judge() -> None:
    memory = StatementMemory(StatementsSection(), migrators=("ci",))
    known = [("database", 5, "game"), ("role", 10, "app"), ("role", 11, "ci")]
    memory.names.update(known, {5, 10, 11})
    reader = StatementReader()
    counted(reader)
    by_migrator = entry(2, 30)._replace(userid=11)
    memory._count(reader.update([entry(1, 3), by_migrator]), 1.0)
    assert memory.histograms["game"].calls == 33
    assert memory.judged["game"].calls == 3


def test_without_such_roles_every_statement_judges() -> None:
    memory = StatementMemory(StatementsSection())
    assert memory.judged is memory.histograms
