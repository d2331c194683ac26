"""Looks at pg_stat_statements, and what is remembered from one to the next.

A look reads every entry. Of the statements with most time, some glimpses follow, milliseconds
apart: so few calls are in between that their times are known, or nearly. These tell how the times
of a statement spread (`latency.spread`). Looks and glimpses together take a bounded share of the
time, so that a server with many statements, or a slow one, is looked at less often.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.collectors.query_duration import sql
from pg_migration_exporter.collectors.query_duration.names import Names
from pg_migration_exporter.collectors.query_duration.own import OwnStatements
from pg_migration_exporter.collectors.query_duration.read_budget import (
    MAX_SHARE,
    SECONDS_PER_ENTRY,
    ReadBudget,
)
from pg_migration_exporter.collectors.query_duration.statement_reader import (
    Change,
    Key,
    Row,
    StatementReader,
)
from pg_migration_exporter.collectors.query_duration.texts import Texts
from pg_migration_exporter.collectors.query_duration.top import (
    Counters,
    StatementKey,
    TopStatements,
)
from pg_migration_exporter.config.schema import StatementsSection
from pg_migration_exporter.latency.bucket_estimate import estimate_buckets
from pg_migration_exporter.latency.histogram import GrowingHistogram
from pg_migration_exporter.latency.learned_distribution import LearnedDistribution
from pg_migration_exporter.postgres.query import array

#: How many there are at most, how many calls should be in between, and the seconds at most.
#: With a few calls, the slowest one is still known well, and more of the time is covered.
_GLIMPSES, _CALLS, _LONGEST_PAUSE = 24, 3, 0.010
#: How many statements are worth glimpses, and of how many the shape is remembered.
_WATCHED, _SHAPES = 16, 64


class Statements:
    """Everything known of one server's statements."""

    def __init__(self, settings: StatementsSection) -> None:
        self.histograms: dict[str, GrowingHistogram] = {}
        self.top = TopStatements(settings.top)
        self.names = Names()
        self.texts = Texts(enabled=settings.text)
        self.evictions: int | None = None
        self._settings = settings
        self._reading = StatementReader()
        self._own = OwnStatements()
        self._source: tuple[float, float | None] | None = None
        self._shapes: dict[Key, LearnedDistribution] = {}
        self._watched: dict[Key, float] = {}
        self._turn = 0
        self._looking = asyncio.Lock()
        self._looked_at = time.monotonic()
        self._thrift = ReadBudget(settings.interval, SECONDS_PER_ENTRY)

    async def look(self, context: RunContext[Any], *, glimpses: bool) -> None:
        """Look at all entries if it is time; then, if wanted, glimpse at some."""
        if not self._thrift.is_due:
            return
        async with self._looking:
            if self._thrift.is_due:
                await self._look(context)
                if glimpses and self._watched:
                    await self._glimpse(context)

    async def _look(self, context: RunContext[Any]) -> None:
        self._thrift.spend(len(self._reading.seen or ()))
        source, rows = await asyncio.gather(
            sql.ask(context, sql.SOURCE), sql.ask(context, sql.STATEMENTS)
        )
        now = time.monotonic()
        elapsed = now - self._looked_at
        own = self._recognize(*source[0])
        entries = [Row._make(row) for row in rows]
        await self._names_of(context, entries)
        entries = await self._own.leave_out(context, entries, own)
        changes = self._reading.look(entries, self._own.undecided)
        self._count(changes, now)
        for entry in entries:
            self._histogram(entry)
        self.top.keep(filter(None, map(self._statement, entries)))
        self._watch(changes, elapsed)
        await self.texts.learn(context, {queryid for _, queryid, _ in self.top.shown}, len(entries))

    def _recognize(self, started: float, reset: float | None, evictions: int, own: int) -> int:
        """Note whose numbers these are; the oid of the exporter's role."""
        source = self._source
        self._source, self.evictions = (started, reset), evictions
        if source is not None and source[0] != started:
            self._reading.forget()
        elif source is not None and source[1] != reset:
            self._reading.was_reset()
        return own

    async def _names_of(self, context: RunContext[Any], entries: Iterable[Row]) -> None:
        oids = {oid for entry in entries for oid in (entry.dbid, entry.userid)}
        if not self.names.cover(oids):
            self.names.learn(await sql.ask(context, sql.NAMES), oids)
            for datname in self.names.long_gone():
                self.histograms.pop(datname, None)
                self.top.forget(datname)

    def _watch(self, changes: Iterable[Change], elapsed: float) -> None:
        """Choose the statements whose shape matters, and of which it cannot be known already."""
        many = [one for one in changes if one.row.toplevel and one.interval.single_times() is None]
        many.sort(key=lambda change: change.interval.seconds, reverse=True)
        self._watched = {one.row.key: one.interval.calls / elapsed for one in many[:_WATCHED]}
        for key in self._watched:
            self._shapes[key] = self._shapes.pop(key, LearnedDistribution())
        for key in list(self._shapes)[:-_SHAPES]:
            del self._shapes[key]

    async def _glimpse(self, context: RunContext[Any]) -> None:
        """Look so often that few calls are in between, of another statement each time."""
        self._turn += 1
        rates = list(self._watched.values())
        pause = min(_CALLS / rates[self._turn % len(rates)], _LONGEST_PAUSE)
        queryids = array({key[2] for key in self._watched})
        count = str(self._affordable_glimpses())
        rows = await sql.ask(context, sql.GLIMPSES, count, f"{pause:.6f}", queryids)
        for _, glimpse in groupby(rows, itemgetter(0)):
            changes = self._reading.glimpse(Row._make(row[1:]) for row in glimpse)
            self._count(changes, time.monotonic(), is_short=True)

    def _affordable_glimpses(self) -> int:
        """What a look leaves of the share for both; one glimpse is as dear as a look."""
        look = len(self._reading.seen or ()) * SECONDS_PER_ENTRY
        pause = max(self._settings.interval, look / MAX_SHARE)
        return min(round(2 * MAX_SHARE * pause / look) - 1, _GLIMPSES)

    def _count(self, changes: Iterable[Change], now: float, *, is_short: bool = False) -> None:
        added = []
        for row, interval, rows in changes:
            statement = self._statement(row)
            if statement is None:
                continue
            added.append((statement, Counters(interval.calls, interval.seconds, rows)))
            if row.toplevel:
                shape = self._shapes.get(row.key)
                counts = estimate_buckets(interval, shape)
                self._histogram(row).add(interval.calls, interval.seconds, counts)
                if shape is not None and (is_short or interval.single_times()):
                    shape.learn(interval.calls, counts)
        self.top.count(added, now - self._looked_at)
        self._looked_at = now

    def _histogram(self, row: Row) -> GrowingHistogram:
        """Of the row's database; one that is not kept if the database is gone."""
        datname = self.names.database(row.dbid)
        if datname is None:
            return GrowingHistogram()
        return self.histograms.setdefault(datname, GrowingHistogram())

    def _statement(self, row: Row) -> StatementKey | None:
        datname = self.names.database(row.dbid)
        return None if datname is None else (datname, row.queryid, self.names.role(row.userid))
