"""Runs one collector: its own code or its columns, cached for its `ttl` either way."""

from __future__ import annotations

from pg_migration_exporter.collectors.cache import CachedResult
from pg_migration_exporter.collectors.columns import collect_columns
from pg_migration_exporter.collectors.contract import Collector, Memory, RunContext


async def run_collector(
    collector: Collector[Memory], context: RunContext[Memory], cached: CachedResult
) -> None:
    """Fill the families of the context, from `cached` while that is fresh."""
    if collector.ttl and cached.is_fresh(collector.ttl, context.capabilities, collector.name):
        context.families.update(cached.families)
        context.bounds = cached.bounds
        return
    if collector.collect is None:
        await collect_columns(context)
    else:
        await collector.collect(context)
    if collector.ttl:
        cached.store(context.families, context.capabilities, context.bounds)
