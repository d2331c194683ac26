"""How the targets are, for people and programs: /readyz and /api/v1/status."""

from __future__ import annotations

import time
from typing import Any

from pg_migration_exporter.config.schema import DEFAULT_TARGET
from pg_migration_exporter.fleet import Fleet
from pg_migration_exporter.postgres.conninfo import describe_server
from pg_migration_exporter.target import Target


def describe_targets(fleet: Fleet) -> list[dict[str, Any]]:
    """Each target: name, address, state of the server, databases, collectors that fail.

    `scraped_seconds_ago` is null before the first scrape. There is no user and no password.
    """
    return [_describe(name, target) for name, target in fleet.targets.items()]


def describe_readiness(fleet: Fleet) -> dict[str, Any]:
    """Whether the default server was reached, and where there are more, each of them."""
    found: dict[str, Any] = {}
    if fleet.default is not None:
        found["server"] = describe_server_state(fleet.default)
    others = {name: one for name, one in fleet.targets.items() if name != DEFAULT_TARGET}
    if others:
        found["targets"] = {name: describe_server_state(one) for name, one in others.items()}
    return found


def describe_server_state(target: Target) -> str:
    """What the latest scrape found."""
    if target.last is None:
        return "not scraped yet"
    return "reached" if target.last.reached else "not reached"


def _describe(name: str, target: Target) -> dict[str, Any]:
    last = target.last
    return {
        "name": name,
        "address": describe_server(target.settings.postgres),
        "server": describe_server_state(target),
        "databases": last.databases() if last else {},
        "failed_collectors": sorted(last.failed()) if last else [],
        "connections": target.connections,
        "scraped_seconds_ago": time.monotonic() - target.asked_at if target.asked_at else None,
    }
