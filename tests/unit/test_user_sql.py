"""When a user's statement runs again: after its interval, sooner after a failure."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from pg_migration_exporter.collectors.user_sql import UserSqlMemory, latest
from pg_migration_exporter.config.limits import Bounds
from pg_migration_exporter.config.user_statement import UserStatement
from pg_migration_exporter.errors import UnfitAnswerError
from pg_migration_exporter.postgres.rows import Rows
from tests.fixtures.clock import SetClock

_ANSWER = Rows(("quests",), [(7,)])


class Stage:
    """A statement that is due each second of a clock that the test sets.

    `answer` returns or raises what the server does.
    """

    def __init__(self, interval: float | None) -> None:
        self.clock = SetClock()
        self.asked: list[float] = []
        self.answer: Callable[[], Rows] = lambda: _ANSWER
        self._section = UserStatement(name="quests", sql="select 7", interval=interval)
        self._scope: Any = SimpleNamespace(
            session=SimpleNamespace(query_untrusted=self._query),
            memory=UserSqlMemory[int](clock=self.clock),
            bounds=Bounds(),
        )

    async def _query(self, *_: object, **__: object) -> Rows:
        self.asked.append(self.clock.now)
        return self.answer()

    def scrape(self) -> int:
        """One scrape, a second after the one before. Raises what it was that failed."""
        self.clock.now += 1
        running = latest(self._section, self._scope, lambda rows: int(rows.rows[0][0]))
        try:
            running.send(None)
        except StopIteration as done:
            return int(done.value)
        raise AssertionError("nothing here waits")

    def scrapes(self, count: int) -> list[float]:
        """The seconds between the questions of so many scrapes that fail."""
        self.asked.clear()
        for _ in range(count):
            with pytest.raises((psycopg.Error, UnfitAnswerError)):
                self.scrape()
        return [after - before for before, after in zip(self.asked, self.asked[1:], strict=False)]


def fail() -> Rows:
    raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout")


def test_an_answer_lasts_for_the_interval() -> None:
    stage = Stage(60)
    assert {stage.scrape() for _ in range(61)} == {7}
    assert stage.asked == [1001, 1061]


def test_a_failure_is_asked_again_soon_and_then_less_often() -> None:
    """One answer that came too late must not hide a check for its whole interval."""
    stage = Stage(300)
    stage.answer = fail
    assert stage.scrapes(800) == [15, 30, 60, 120, 240, 300]
    stage.answer = lambda: _ANSWER
    stage.clock.now += 300
    assert stage.scrape() == 7
    stage.answer = fail
    stage.clock.now += 300
    assert stage.scrapes(20) == [15]


def test_a_failure_lasts_no_longer_than_an_answer() -> None:
    stage = Stage(5)
    stage.answer = fail
    assert stage.scrapes(20) == [5, 5, 5]


def test_without_an_interval_each_scrape_asks() -> None:
    stage = Stage(None)
    stage.answer = fail
    assert stage.scrapes(3) == [1, 1]


def test_the_deadline_of_a_scrape_is_a_failure() -> None:
    """The task that asks is canceled then, and later scrapes have to know why."""
    stage = Stage(300)

    def is_canceled() -> Rows:
        raise GeneratorExit

    stage.answer = is_canceled
    with pytest.raises(GeneratorExit):
        stage.scrape()
    with pytest.raises(UnfitAnswerError, match="not answered by the deadline"):
        stage.scrape()
    stage.answer = lambda: _ANSWER
    stage.clock.now += 15
    assert stage.scrape() == 7
