"""Targets made by hand: nothing is known of them but what a test says."""

from __future__ import annotations

from typing import Any

from pg_migration_exporter.status.model import Level, Server, Status, TargetStatus, Verdict


def target(
    name: str, level: Level = "ok", title: str = "All is well", **traits: Any
) -> TargetStatus:
    nothing: dict[str, Any] = {
        key: [] if str(field.annotation).startswith("list") else None
        for key, field in TargetStatus.model_fields.items()
    }
    told = Verdict(level=level, state="made", title=title, reason=title)
    server = Server(address=name, reached=True)
    known = {"name": name, "verdict": told, "server": server, "databases": {}}
    return TargetStatus.model_validate({**nothing, **known, **traits})


def status(*targets: TargetStatus) -> Status:
    return Status.model_construct(version="1", time=0.0, targets=list(targets))
