"""Targets with only the facts that a test gives."""

from __future__ import annotations

from typing import Any

from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.liquibase.state.texts import describe, label
from pg_migration_exporter.status.model import (
    CheckStatus,
    Level,
    Migration,
    Server,
    State,
    Status,
    TargetStatus,
    Verdict,
)

#: A check that fails in its phase.
CHECK = CheckStatus(
    name="rows", help="All rows are there.", phase="post", severity="critical", datname="game",
    passes=False, reason="7 are missing", matters=True, level="critical",
)  # fmt: skip


def target(
    name: str, level: Level = "ok", title: str = "All is well", **traits: Any
) -> TargetStatus:
    nothing: dict[str, Any] = {
        key: [] if str(field.annotation).startswith("list") else None
        for key, field in TargetStatus.model_fields.items()
    }
    verdict = Verdict(
        level=level, state="made", title=title, reason=title, verdict="go", reasons=[], databases={}
    )
    server = Server(address=name, reached=True)
    known = {"name": name, "verdict": verdict, "server": server, "databases": {}}
    return TargetStatus.model_validate({**nothing, **known, **traits})


def status(*targets: TargetStatus) -> Status:
    return Status.model_construct(version="1", time=0.0, targets=list(targets))


def migration(status: MigrationState, *, blocked: bool = False, **traits: Any) -> Migration:
    how = {"blocked": blocked, "inferred": traits.pop("inferred", False)}
    source = traits.pop("source", "changelog")
    text = describe(status, source, **how)
    verdict = State(
        level=text.level, state=label(status, **how), title=text.title, reason="Because"
    )
    nothing = dict.fromkeys(
        ("applied", "pending", "failed_changeset", "lock_held", "locked_by", "lock_seconds")
    )
    known: dict[str, Any] = {
        **nothing,
        **how,
        "datname": "game",
        "changelog": "public.databasechangelog",
        "source": source,
        "meaning": "",
        "seen_seconds_ago": 1,
        "statement": None,
        **{key: [] for key in ("next_changesets", "facts", "doubts", "advice")},
    }
    return Migration(status=status, verdict=verdict, **{**known, **traits})
