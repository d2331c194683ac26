"""What is known of a history after its rows were written again, and when it was deployed."""

from __future__ import annotations

import pytest

from pg_migration_exporter.liquibase.history.counters import RowCounters
from pg_migration_exporter.liquibase.history.deployment import Deployment, deployment_of
from pg_migration_exporter.liquibase.history.history import History
from pg_migration_exporter.liquibase.history.known_history import KnownHistory
from pg_migration_exporter.liquibase.history.row import Row
from tests.fixtures.histories import NOW, read_again

#: DATEEXECUTED as text of UTC+05:45, in seconds as if it were UTC.
EXECUTED = NOW + 20_700


def row(order: int, *, xid: int | None = None, committed: float | None = None) -> Row:
    return Row(
        position=order,
        identity=f"a.sql::{order}::me",
        checksum="9:a",
        exectype="EXECUTED",
        order=order,
        tag=None,
        deployment_id=f"{int((NOW - 5) * 1000) % 10**10:010}",
        executed=EXECUTED,
        committed=committed,
        xid=xid or 100 + order,
    )


def history(*rows: Row, filenode: int = 1) -> History:
    read = History()
    read_again(read, rows, RowCounters(inserted=len(rows), filenode=filenode))
    return read


def test_another_file_is_read_again() -> None:
    known = history(row(1))

    assert known.is_complete(RowCounters(inserted=1, filenode=1), "1", NOW)
    assert not known.is_complete(RowCounters(inserted=1, filenode=2), "1", NOW)
    assert known.is_complete(RowCounters(inserted=1, filenode=0), "1", NOW)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="truncated"),
        pytest.param([row(1, xid=500), row(2, xid=500)], id="restored"),
        pytest.param([row(1, xid=500)], id="restored from before"),
    ],
)
def test_no_run_replaces_the_file(rows: list[Row]) -> None:
    known = history(row(1), row(2))
    read_again(known, rows, RowCounters(inserted=2, filenode=2))

    assert not known.changes
    assert len(known.contents.recorded) == len(rows)


def test_a_run_before_vacuum_full_counts() -> None:
    known = history(row(1))
    read_again(known, [row(1), row(2)], RowCounters(inserted=2, filenode=2))

    assert [change.identity for change in known.changes.rows] == ["a.sql::2::me"]


def test_a_file_that_was_replaced_while_the_exporter_was_down() -> None:
    known = KnownHistory(xid=150, last_order=2, rows=2, counters=RowCounters(filenode=1))
    read = History(known=known)
    read_again(read, [], RowCounters(filenode=2))

    assert not read.changes


@pytest.mark.parametrize(
    ("committed", "recorded_at"),
    [
        pytest.param(NOW + 0.2, NOW + 0.2, id="by the run"),
        pytest.param(NOW + 0.2 + 900, NOW + 0.2 + 900, id="by a run of another time zone"),
        pytest.param(NOW + 100, NOW - 5, id="by a tag"),
        pytest.param(None, NOW - 5, id="not kept"),
    ],
)
def test_when_a_row_was_recorded(committed: float | None, recorded_at: float) -> None:
    assert row(1, committed=committed).recorded_at(NOW + 3600) == pytest.approx(recorded_at)


def test_the_first_known_time_of_a_deployment_stays() -> None:
    first = deployment_of(row(1, committed=NOW + 0.1), None, NOW + 1)
    tagged = deployment_of(row(1, committed=NOW + 900), first, NOW + 901)
    next_one = deployment_of(row(2, committed=NOW + 1800), tagged, NOW + 1801)

    assert tagged == first
    assert first == Deployment("a.sql::1::me", 1, row(1).deployment_id, NOW + 0.1)
    assert next_one is not None
    assert next_one.recorded_at == NOW + 1800
    assert deployment_of(None, first, NOW) is None


def test_a_read_that_was_interrupted_goes_on() -> None:
    """A slow server would never get to the end of a long history within one scrape."""
    read, counters = History(), RowCounters(inserted=2, filenode=1)
    first = read.read_whole(counters, "1", None)
    first.add([row(1)])
    later = read.read_whole(RowCounters(inserted=3, filenode=1), "1", None)
    assert later is first
    assert (later.position, later.size) == (1, 1)
    later.add([row(2), row(3)])
    read.replace(later, NOW)
    assert len(read.contents.recorded) == 3
    assert read.is_complete(counters, "1", NOW)


@pytest.mark.parametrize(
    ("counters", "lock_version"),
    [
        pytest.param(RowCounters(inserted=2, updated=1), "1", id="updated"),
        pytest.param(RowCounters(inserted=2, deleted=1), "1", id="deleted"),
        pytest.param(RowCounters(inserted=1), "1", id="statistics were reset"),
        pytest.param(RowCounters(inserted=2, filenode=2), "1", id="another file"),
        pytest.param(RowCounters(inserted=2), "2", id="a run took the lock"),
    ],
)
def test_it_does_not_if_more_than_new_rows_was_written(
    counters: RowCounters, lock_version: str
) -> None:
    read = History()
    first = read.read_whole(RowCounters(inserted=2, filenode=1), "1", None)
    first.add([row(1)])
    again = read.read_whole(counters, lock_version, None)
    assert again is not first
    assert again.position == 0
