"""Pools of connections and their use: families that several collectors fill."""

from __future__ import annotations

from typing import Any

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.metrics.families import Family

_POOL = ("pool_type", "pool")

POOL_UTILIZATION = Family(
    "postgres_connection_pool_utilization",
    "gauge",
    "Share of a pool's connections in use. Above 1 where its limit was lowered, does not bind "
    "superusers, or is a budget of the configuration.",
    _POOL,
)
POOL_CONNECTIONS = Family(
    "postgres_connection_pool_connections", "gauge", "Connections of a pool in use.", _POOL
)
POOL_LIMIT = Family(
    "postgres_connection_pool_limit", "gauge", "Connections that a pool may have.", _POOL
)
POOL_FAMILIES = (POOL_UTILIZATION, POOL_CONNECTIONS, POOL_LIMIT)


def add_pool(context: RunContext[Any], pool_type: str, pool: str, used: int, limit: int) -> None:
    """Add one pool; without a positive limit it has no utilization."""
    context.add(POOL_CONNECTIONS, used, pool_type, pool)
    context.add(POOL_LIMIT, limit, pool_type, pool)
    if limit > 0:
        context.add(POOL_UTILIZATION, used / limit, pool_type, pool)
