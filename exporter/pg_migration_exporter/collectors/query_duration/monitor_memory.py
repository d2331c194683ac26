"""Reads pg_stat_monitor, and remembers the histograms of its calls by database."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.collectors.query_duration import sql
from pg_migration_exporter.collectors.query_duration.monitor_slices import (
    Slice,
    SliceReader,
    bounds_of,
)
from pg_migration_exporter.collectors.query_duration.object_names import ObjectNames
from pg_migration_exporter.collectors.query_duration.read_budget import (
    SECONDS_PER_MONITORED_ENTRY,
    ReadBudget,
)
from pg_migration_exporter.config.schema import StatementsSection
from pg_migration_exporter.latency.histogram import GrowingHistogram


class MonitorMemory:
    """The calls that pg_stat_monitor counted on one server since the first read."""

    def __init__(self, settings: StatementsSection) -> None:
        self.histograms: dict[str, GrowingHistogram] = {}
        self._names = ObjectNames()
        self._reader = SliceReader()
        self._started: float | None = None
        self._bounds: tuple[float, ...] = ()
        self._entries = 0
        self._read_lock = asyncio.Lock()
        self._budget = ReadBudget(settings.interval, SECONDS_PER_MONITORED_ENTRY)

    async def read(self, context: RunContext[Any]) -> None:
        """Count what is new, if a read is due."""
        if not self._budget.is_due:
            return
        async with self._read_lock:
            if self._budget.is_due:
                self._budget.spend(self._entries)
                await self._read_slices(context)

    async def _read_slices(self, context: RunContext[Any]) -> None:
        [(started, timings)] = await sql.query_monitor(context, sql.MONITOR)
        self._check_source(started, timings)
        rows = await sql.query_monitor(context, sql.SLICES, repr(self._reader.oldest))
        slices = [Slice._make(row) for row in rows]
        self._entries = max((current.entries for current in slices), default=0)
        await self._update_names(context, {current.dbid for current in slices})
        for added in self._reader.changes(slices):
            self._histogram(added.dbid).add(sum(added.counts), added.seconds, added.counts)
        for current in slices:
            self._histogram(current.dbid)

    def _check_source(self, started: float, timings: str) -> None:
        """Start again after a restart; start new histograms if the buckets have changed."""
        bounds = bounds_of(timings)
        if started != self._started:
            self._reader.forget()
        if bounds != self._bounds:
            self.histograms.clear()
        self._started, self._bounds = started, bounds

    async def _update_names(self, context: RunContext[Any], oids: set[int]) -> None:
        if not self._names.are_current(oids):
            self._names.update(await sql.query_monitor(context, sql.NAMES), oids)
            for datname in self._names.pop_dropped():
                self.histograms.pop(datname, None)

    def _histogram(self, dbid: int) -> GrowingHistogram:
        """Return the histogram of a database; a temporary one if the database was dropped."""
        make = partial(GrowingHistogram, self._bounds)
        datname = self._names.database(dbid)
        return make() if datname is None else self.histograms.setdefault(datname, make())
