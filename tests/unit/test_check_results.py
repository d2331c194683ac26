"""What the answer of a check's statement means: passed, failed, or no answer at all."""

from __future__ import annotations

from typing import Any

import pytest

from pg_migration_exporter.collectors import COLLECTORS
from pg_migration_exporter.collectors.checks import PREFIX, CheckResult, read_result
from pg_migration_exporter.errors import UnfitAnswerError
from pg_migration_exporter.postgres.rows import Rows


def rows(*answer: tuple[Any, ...]) -> Rows:
    width = len(answer[0]) if answer else 1
    return Rows(tuple(f"column_{number}" for number in range(width)), list(answer))


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ((True,), CheckResult(passes=True)),
        ((False,), CheckResult(passes=False)),
        ((False, "too many"), CheckResult(passes=False, reason="too many")),
        ((True, None), CheckResult(passes=True)),
        ((True, ""), CheckResult(passes=True)),
        ((False, "x" * 1000), CheckResult(passes=False, reason="x" * 500)),
    ],
)
def test_one_row_is_an_answer(answer: tuple[Any, ...], result: CheckResult) -> None:
    assert read_result(rows(answer)) == result


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ([], "a check returns one row; the statement returned 0"),
        ([(True,), (True,)], "a check returns one row; the statement returned 2"),
        ([()], "a check returns one or two columns; the statement has 0"),
        ([(True, "a", "b")], "a check returns one or two columns; the statement has 3"),
        ([(None,)], "the first column must be true or false; it holds null"),
        ([(1,)], "the first column must be true or false; it holds int"),
        ([("t",)], "the first column must be true or false; it holds str"),
        ([(True, 7)], "the second column must be text; it holds int"),
    ],
)
def test_anything_else_is_none(answer: list[tuple[Any, ...]], complaint: str) -> None:
    with pytest.raises(UnfitAnswerError) as raised:
        read_result(rows(*answer))
    assert str(raised.value) == complaint


def test_no_collector_of_the_exporter_is_called_as_a_check_is() -> None:
    assert not [collector.name for collector in COLLECTORS if collector.name.startswith(PREFIX)]
