"""What /readyz says: whether the servers were reached."""

from __future__ import annotations

from typing import Any

from pg_migration_exporter.config.schema import DEFAULT_TARGET
from pg_migration_exporter.engine.fleet import Fleet
from pg_migration_exporter.engine.target import Target


def describe_readiness(fleet: Fleet) -> dict[str, Any]:
    """Whether the default server was reached, and where there are more, each of them."""
    found: dict[str, Any] = {}
    if fleet.default is not None:
        found["server"] = _server_state(fleet.default)
    others = {name: one for name, one in fleet.targets.items() if name != DEFAULT_TARGET}
    if others:
        found["targets"] = {name: _server_state(one) for name, one in others.items()}
    return found


def _server_state(target: Target) -> str:
    """What the latest scrape found."""
    if target.last is None:
        return "not scraped yet"
    return "reached" if target.last.reached else "not reached"
