"""Query latency from the histogram of pg_stat_monitor, where that is installed."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.query_duration import sql
from pg_migration_exporter.collectors.query_duration.names import Names
from pg_migration_exporter.collectors.query_duration.query_duration_families import QUERY_DURATION
from pg_migration_exporter.collectors.query_duration.read_budget import (
    SECONDS_PER_MONITORED_ENTRY,
    ReadBudget,
)
from pg_migration_exporter.collectors.query_duration.slices import Slice, Slices, bounds_of
from pg_migration_exporter.config.schema import StatementsSection
from pg_migration_exporter.latency.histogram import GrowingHistogram
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS, STATEMENT_MONITOR


class Monitored:
    """What pg_stat_monitor counted on one server since the first look."""

    def __init__(self, settings: StatementsSection) -> None:
        self.histograms: dict[str, GrowingHistogram] = {}
        self._names = Names()
        self._slices = Slices()
        self._started: float | None = None
        self._bounds: tuple[float, ...] = ()
        self._entries = 0
        self._looking = asyncio.Lock()
        self._thrift = ReadBudget(settings.interval, SECONDS_PER_MONITORED_ENTRY)

    async def look(self, context: RunContext[Monitored]) -> None:
        """Count what is new, if it is time."""
        if not self._thrift.is_due:
            return
        async with self._looking:
            if self._thrift.is_due:
                self._thrift.spend(self._entries)
                await self._look(context)

    async def _look(self, context: RunContext[Monitored]) -> None:
        [source] = await sql.ask_monitor(context, sql.MONITOR)
        self._recognize(*source)
        rows = await sql.ask_monitor(context, sql.SLICES, repr(self._slices.oldest))
        slices = [Slice._make(row) for row in rows]
        self._entries = max((one.entries for one in slices), default=0)
        await self._names_of(context, {one.dbid for one in slices})
        for added in self._slices.look(slices):
            histogram = self._histogram(added.dbid)
            histogram.add(sum(added.counts), added.seconds, added.counts)
        for one in slices:
            self._histogram(one.dbid)

    def _recognize(self, started: float, timings: str) -> None:
        """Note whose numbers these are, and their buckets: with other ones all begins anew."""
        bounds = bounds_of(timings)
        if started != self._started:
            self._slices.forget()
        if bounds != self._bounds:
            self.histograms.clear()
        self._started, self._bounds = started, bounds

    async def _names_of(self, context: RunContext[Any], oids: set[int]) -> None:
        if not self._names.cover(oids):
            self._names.learn(await sql.ask_monitor(context, sql.NAMES), oids)
            for datname in self._names.long_gone():
                self.histograms.pop(datname, None)

    def _histogram(self, dbid: int) -> GrowingHistogram:
        """Of a database; one that is not kept if the database is gone."""
        make = partial(GrowingHistogram, self._bounds)
        datname = self._names.database(dbid)
        return make() if datname is None else self.histograms.setdefault(datname, make())


async def collect(context: RunContext[Monitored]) -> None:
    """Publish what the watcher sampled; look only if it does not."""
    memory = context.memory
    await memory.look(context)
    for datname, histogram in memory.histograms.items():
        context.add(QUERY_DURATION, histogram.snapshot(), datname, "monitor")


async def sample(context: RunContext[Monitored]) -> None:
    """Look between scrapes."""
    memory = context.memory
    await memory.look(context)


MONITORED_DURATIONS = Collector(
    name="query_monitor",
    help="Latency of statements as the histogram of pg_stat_monitor, where it is installed.",
    sources=("pg_stat_monitor",),
    level="server",
    families=(QUERY_DURATION,),
    queries=(sql.MONITOR, sql.SLICES, sql.NAMES),
    cost="moderate",
    requires=(STATEMENT_MONITOR, READ_ALL_STATS),
    collect=collect,
    sample=sample,
    memory=lambda settings: Monitored(settings.statements),
)
