"""Texts of statements for the status page: only where asked for, and without values.

pg_stat_statements replaces the constants of queries, but not those of utility statements before
PostgreSQL 16: CREATE ROLE ... PASSWORD keeps its password. So every literal is replaced here again.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Any

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.collectors.query_duration import sql
from pg_migration_exporter.collectors.query_duration.read_budget import SECONDS_PER_TEXT, ReadBudget
from pg_migration_exporter.postgres.query import array

_LONGEST = 2000
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
    """The text in one line, with `?` for each literal, cut off after 2,000 characters."""
    return " ".join(_LITERAL.sub("?", text).split())[:_LONGEST]


class Texts:
    """Texts by queryid, of the statements that are shown; nothing is read unless `enabled`."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._texts: dict[int, str] = {}
        self._reading = ReadBudget(0.0, SECONDS_PER_TEXT)

    def get(self, queryid: int) -> str | None:
        """The text without values, None if it is not known."""
        return self._texts.get(queryid)

    async def learn(self, context: RunContext[Any], queryids: Set[int], entries: int) -> None:
        """Read the texts that are missing; the extension has so many entries."""
        missing = queryids - self._texts.keys()
        if self._enabled and missing and self._reading.is_due:
            self._reading.spend(entries)
            rows = await sql.ask_with_texts(context, sql.TEXTS, array(queryids))
            self._texts = {queryid: normalize(text) for queryid, text in rows if text}
