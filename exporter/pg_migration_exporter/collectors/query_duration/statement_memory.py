"""Reads pg_stat_statements, and remembers what a server's statements did between the reads.

A full read has every entry. For the statements with the most time, a burst of samples follows,
milliseconds apart: with so few calls between two samples, the duration of each call is known, or
nearly. These teach the distribution of a statement's durations (`latency.bucket_estimate`). Reads
and bursts have a limited share of the server's time, so that a server with many statements, or a
slow one, is read less often.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.collectors.query_duration import sql
from pg_migration_exporter.collectors.query_duration.object_names import ObjectNames
from pg_migration_exporter.collectors.query_duration.own_statements import OwnStatements
from pg_migration_exporter.collectors.query_duration.read_budget import (
    MAX_SHARE,
    SECONDS_PER_ENTRY,
    ReadBudget,
)
from pg_migration_exporter.collectors.query_duration.statement_reader import (
    Entry,
    EntryChange,
    EntryKey,
    StatementReader,
)
from pg_migration_exporter.collectors.query_duration.statement_texts import StatementTexts
from pg_migration_exporter.collectors.query_duration.top_statements import (
    Counters,
    StatementKey,
    TopStatements,
)
from pg_migration_exporter.config.schema import StatementsSection
from pg_migration_exporter.latency.bucket_estimate import estimate_buckets
from pg_migration_exporter.latency.histogram import GrowingHistogram
from pg_migration_exporter.latency.learned_distribution import LearnedDistribution
from pg_migration_exporter.postgres.query import array

_MAX_BURST_SAMPLES = 24
#: With a few calls between two samples, the slowest one is still known well, and a burst of the
#: same number of samples covers more time.
_CALLS_PER_SAMPLE = 3
_MAX_SAMPLE_PAUSE_SECONDS = 0.010
#: How many statements are sampled in bursts, and how many distributions are remembered.
_BURST_STATEMENTS = 16
_REMEMBERED_DISTRIBUTIONS = 64


class _Source(NamedTuple):
    """The row of `sql.SOURCE`."""

    started: float
    reset: float | None
    evictions: int
    own_role: int


class StatementMemory:
    """The histograms, counters and texts of the statements of one server."""

    def __init__(
        self,
        settings: StatementsSection,
        clock: Callable[[], float] = time.monotonic,
        migrators: Collection[str] = (),
    ) -> None:
        self._clock = clock
        self.histograms: dict[str, GrowingHistogram] = {}
        #: The same without the statements of the roles that migrate, which judge the migration.
        self.judged: dict[str, GrowingHistogram] = {} if migrators else self.histograms
        self._migrators = migrators
        self.top = TopStatements(settings.top)
        self.names = ObjectNames(clock)
        self.texts = StatementTexts(enabled=settings.text, clock=clock)
        self.evictions: int | None = None
        self._settings = settings
        self._reader = StatementReader()
        self._own_statements = OwnStatements(clock)
        self._source: _Source | None = None
        self._distributions: dict[EntryKey, LearnedDistribution] = {}
        #: Calls per second of the statements that are sampled in bursts.
        self._burst_rates: dict[EntryKey, float] = {}
        self._bursts = 0
        self._read_lock = asyncio.Lock()
        self._counted_at = self._clock()
        self._budget = ReadBudget(settings.interval, SECONDS_PER_ENTRY, clock)

    async def read(self, context: RunContext[Any], *, with_burst: bool) -> None:
        """Read all entries if it is due; then sample some of them in a burst, if requested."""
        if not self._budget.is_due:
            return
        async with self._read_lock:
            if self._budget.is_due:
                await self._read_all(context)
                if with_burst and self._burst_rates:
                    await self._sample_burst(context)

    async def _read_all(self, context: RunContext[Any]) -> None:
        self._budget.spend(len(self._reader.previous or ()))
        [source], rows = await asyncio.gather(
            sql.query_statements(context, sql.SOURCE),
            sql.query_statements(context, sql.STATEMENTS),
        )
        now = self._clock()
        elapsed = now - self._counted_at
        own_role = self._check_source(_Source._make(source))
        entries = [Entry._make(row) for row in rows]
        await self._update_names(context, entries)
        entries = await self._own_statements.exclude(context, entries, own_role)
        changes = self._reader.update(entries, self._own_statements.undecided)
        self._count(changes, now)
        for entry in entries:
            self._histogram(entry)
        self.top.retain(filter(None, map(self._statement_key, entries)))
        self._choose_burst_statements(changes, elapsed)
        shown = {statement.queryid for statement in self.top.shown}
        await self.texts.update(context, shown, len(entries))

    def _check_source(self, source: _Source) -> int:
        """Start again after a restart or a reset; return the OID of the exporter's role."""
        previous, self._source = self._source, source
        self.evictions = source.evictions
        if previous is not None and previous.started != source.started:
            self._reader.forget()
        elif previous is not None and previous.reset != source.reset:
            self._reader.reset()
        return source.own_role

    async def _update_names(self, context: RunContext[Any], entries: Iterable[Entry]) -> None:
        oids = {oid for entry in entries for oid in (entry.dbid, entry.userid)}
        if not self.names.are_current(oids):
            self.names.update(await sql.query_statements(context, sql.NAMES), oids)
            for datname in self.names.pop_dropped():
                self.histograms.pop(datname, None)
                self.judged.pop(datname, None)
                self.top.forget(datname)

    def _choose_burst_statements(self, changes: Iterable[EntryChange], elapsed: float) -> None:
        """Choose those with the most time, unless the durations of their calls are known."""
        candidates = [
            change
            for change in changes
            if change.entry.toplevel and change.interval.single_times() is None
        ]
        candidates.sort(key=lambda change: change.interval.seconds, reverse=True)
        self._burst_rates = {
            change.entry.key: change.interval.calls / elapsed
            for change in candidates[:_BURST_STATEMENTS]
        }
        for key in self._burst_rates:
            self._distributions[key] = self._distributions.pop(key, LearnedDistribution())
        for key in list(self._distributions)[:-_REMEMBERED_DISTRIBUTIONS]:
            del self._distributions[key]

    async def _sample_burst(self, context: RunContext[Any]) -> None:
        """Sample with few calls in between; each burst follows the rate of another statement."""
        self._bursts += 1
        rates = list(self._burst_rates.values())
        rate = rates[self._bursts % len(rates)]
        pause = min(_CALLS_PER_SAMPLE / rate, _MAX_SAMPLE_PAUSE_SECONDS)
        queryids = array({queryid for _, _, queryid, _ in self._burst_rates})
        count = str(self._affordable_samples())
        rows = await sql.query_statements(context, sql.BURST, count, f"{pause:.6f}", queryids)
        for _, sample in groupby(rows, itemgetter(0)):
            entries = (Entry._make(columns) for _, *columns in sample)
            self._count(self._reader.update_some(entries), self._clock(), is_burst=True)

    def _affordable_samples(self) -> int:
        """Return the size of a burst; a sample costs as much as a full read."""
        cost = len(self._reader.previous or ()) * SECONDS_PER_ENTRY
        pause = max(self._settings.interval, cost / MAX_SHARE)
        return min(round(2 * MAX_SHARE * pause / cost) - 1, _MAX_BURST_SAMPLES)

    def _count(self, changes: Iterable[EntryChange], now: float, *, is_burst: bool = False) -> None:
        added = []
        for entry, interval, rows in changes:
            statement = self._statement_key(entry)
            if statement is None:
                continue
            added.append((statement, Counters(interval.calls, interval.seconds, rows)))
            if entry.toplevel:
                distribution = self._distributions.get(entry.key)
                counts = estimate_buckets(interval, distribution)
                self._histogram(entry).add(interval.calls, interval.seconds, counts)
                if self._migrators and statement.usename not in self._migrators:
                    judged = self.judged.setdefault(statement.datname, GrowingHistogram())
                    judged.add(interval.calls, interval.seconds, counts)
                if distribution is not None and (is_burst or interval.single_times()):
                    distribution.learn(interval.calls, counts)
        self.top.count(added, now - self._counted_at)
        self._counted_at = now

    def _histogram(self, entry: Entry) -> GrowingHistogram:
        """Return the histogram of the entry's database; a temporary one if it was dropped."""
        datname = self.names.database(entry.dbid)
        if datname is None:
            return GrowingHistogram()
        return self.histograms.setdefault(datname, GrowingHistogram())

    def _statement_key(self, entry: Entry) -> StatementKey | None:
        datname = self.names.database(entry.dbid)
        if datname is None:
            return None
        return StatementKey(datname, entry.queryid, self.names.role(entry.userid))
