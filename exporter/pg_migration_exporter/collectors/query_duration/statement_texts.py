"""Texts of statements for the status page: only if configured, and without values.

pg_stat_statements replaces the constants of queries, but not those of utility statements before
PostgreSQL 16: CREATE ROLE ... PASSWORD contains its password. So all literals are replaced here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from typing import Any

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.collectors.query_duration import sql
from pg_migration_exporter.collectors.query_duration.read_budget import SECONDS_PER_TEXT, ReadBudget
from pg_migration_exporter.postgres.query import array

_MAX_LENGTH = 2000
_LITERAL = re.compile(
    r"""
      \$(?P<tag>\w*)\$ .*? (?: \$(?P=tag)\$ | \Z )          # $tag$...$tag$
    | \b[eE]'(?: [^'\\] | '' | \\. )* (?: ' | \Z )           # E'...\'...'
    | '(?: [^'] | '' )* (?: ' | \Z )                         # '...', also one that was cut off
    | (?<![\w$.]) \d+ (?: \.\d+ )? (?: [eE][+-]?\d+ )? \b    # numbers, but not $1 or t1
    """,
    re.VERBOSE | re.DOTALL,
)


def normalize(text: str) -> str:
    """Return the text in one line, with `?` for each literal, truncated to 2,000 characters."""
    return " ".join(_LITERAL.sub("?", text).split())[:_MAX_LENGTH]


class StatementTexts:
    """Texts of the top statements by queryid; nothing is read unless `enabled`."""

    def __init__(self, *, enabled: bool, clock: Callable[[], float]) -> None:
        self._enabled = enabled
        self._texts: dict[int, str] = {}
        self._budget = ReadBudget(0.0, SECONDS_PER_TEXT, clock)

    def get(self, queryid: int) -> str | None:
        """Return the text without values, None if it is not known."""
        return self._texts.get(queryid)

    async def update(self, context: RunContext[Any], queryids: Set[int], entries: int) -> None:
        """Read missing texts; `entries` is the number of entries that the extension has."""
        missing = queryids - self._texts.keys()
        if self._enabled and missing and self._budget.is_due:
            self._budget.spend(entries)
            rows = await sql.query_texts(context, sql.TEXTS, array(queryids))
            self._texts = {queryid: normalize(text) for queryid, text in rows if text}
