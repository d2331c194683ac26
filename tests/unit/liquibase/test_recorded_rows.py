"""The compact table of a history behaves like a dict, and takes a fraction of its memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.history.history import History
from pg_migration_exporter.liquibase.history.recorded_rows import RecordedRows
from pg_migration_exporter.liquibase.history.row import Row, read_rows
from pg_migration_exporter.liquibase.history.tags import Tags
from tests.fixtures.histories import read_again

#: Any text that PostgreSQL may send, bytes that are not UTF-8 included.
TEXTS = st.binary(max_size=8).map(
    lambda raw: raw.replace(b"\0", b"").decode(errors="surrogateescape")
)
XIDS = st.integers(0, 2**32 - 1)


@given(st.lists(st.tuples(TEXTS, st.none() | TEXTS.filter(bool), XIDS), max_size=200))
def test_it_behaves_like_a_dict(puts: list[tuple[str, str | None, int]]) -> None:
    table, expected = RecordedRows(), dict[str, tuple[str | None, int]]()
    for identity, checksum, xid in puts:
        assert table.put(identity, checksum, xid) is (identity not in expected)
        expected[identity] = checksum, xid
    assert dict(table) == {identity: checksum for identity, (checksum, _) in expected.items()}
    assert {identity: table.xid(identity) for identity in table} == {
        identity: xid for identity, (_, xid) in expected.items()
    }
    assert "never put" not in table
    assert table.xid("never put") is None


def many_rows(number: int) -> list[Row]:
    """Rows as of Liquibase, whose identities have 61 characters."""
    return read_rows(
        [
            (n, f"db/changelog/release-{n // 100:04}/changes.xml", f"add-{n:06}", "developer",
             f"9:{n:032x}", "EXECUTED", n, f"tag-{n}", f"{n // 10}", 1.0, 1.0, n)
            for n in range(1, number + 1)
        ]
    )  # fmt: skip


def allocated(action: Callable[[], object]) -> int:
    """Return the bytes that the result of an action keeps."""
    tracemalloc.start()
    try:
        kept = action()
        return tracemalloc.get_traced_memory()[0] if kept else 0
    finally:
        tracemalloc.stop()


def test_a_changeset_takes_little_memory() -> None:
    rows = many_rows(20_000)

    def read() -> RecordedRows:
        table = RecordedRows()
        for row in rows:
            table.put(row.identity, row.checksum, row.xid)
        return table

    assert allocated(read) < 160 * len(rows)


def test_a_tag_takes_little_memory() -> None:
    def read() -> Tags:
        tags = Tags()
        for number in range(60_000):
            tags.add(f"tag-{number}", number)
        return tags

    assert allocated(read) < 6_000_000


def test_tags() -> None:
    tags = Tags()
    for number in range(50_000):
        tags.add(f"tag-{number % 30_000}", number)
    assert len(tags) == 30_000
    tags.add("tag-1", 60_000)
    assert len(tags) == 30_000
    assert tags.latest(3) == ["tag-1", "tag-19999", "tag-19998"]


@pytest.mark.parametrize("order", [range(10), range(9, -1, -1), [n * 7 % 10 for n in range(10)]])
def test_rows_in_any_order_of_the_table(order: Sequence[int]) -> None:
    """What was updated moved: the order of the table is not that of the runs."""
    recorded = many_rows(10)
    rows = [recorded[number] for number in order]
    rows = [row._replace(deployment_id="b" if row.order > 7 else "a") for row in rows]
    history = History()
    table = read_again(history, rows, RowCounters())
    contents = history.contents
    assert contents.last is not None
    assert (contents.last.order, contents.deployed, len(table.new)) == (10, 3, 10)
    assert contents.tags.latest(2) == ["tag-10", "tag-9"]

    again = read_again(history, rows[:4], RowCounters())
    assert (again.kept, again.new, history.changes.removed) == (4, [], 6)
