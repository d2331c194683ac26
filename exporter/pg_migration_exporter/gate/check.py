"""What a built-in check is: data, and a pure function from what was read to a finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pg_migration_exporter.config.checks import Phase, Severity
from pg_migration_exporter.gate.profile import Profile
from pg_migration_exporter.postgres.capabilities import Requirement
from pg_migration_exporter.postgres.query import Query
from pg_migration_exporter.status.model import TargetStatus, VerdictName, VerdictReason


@dataclass(frozen=True, slots=True)
class Finding:
    """The result and its evidence; `verdict` is what a failure means, if not the check's own."""

    result: Literal["pass", "fail", "unknown"]
    evidence: str
    verdict: VerdictName | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a check is judged by.

    `rows` are those of its statement, by column; `reasons` those of the verdict for which it
    answers; `tags` those of all histories, None if not all are known.
    """

    profile: Profile
    status: TargetStatus
    now: datetime
    rows: Sequence[Mapping[str, Any]] = ()
    reasons: Sequence[VerdictReason] = ()
    tags: frozenset[str] | None = None


def _no_parameters(_: Profile) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """One built-in check.

    `summary` is what is true when it passes. It reads either `query`, with the `parameters` and if
    the role has what it `requires`, or the status, which needs the answer of `collector`. It is
    asked only if the profile has `profile_key`. `on_failure` is what a failure means: hold for what
    may pass by waiting. It answers for these `reasons` of the verdict, or for those of no other
    check. `runbook` is an alert's.
    """

    name: str
    phases: tuple[Phase, ...]
    severity: Severity
    summary: str
    remedy: str
    judge: Callable[[Evidence], Finding]
    query: Query | None = None
    parameters: Callable[[Profile], tuple[str, ...]] = _no_parameters
    requires: Requirement | None = None
    collector: str | None = None
    profile_key: str | None = None
    on_failure: VerdictName = "hold"
    reasons: tuple[str, ...] = ()
    takes_other_reasons: bool = False
    reads_tags: bool = False
    runbook: str | None = None

    @property
    def needs_server(self) -> bool:
        """Whether an exporter's status is not enough."""
        return self.query is not None or self.reads_tags

    @property
    def source(self) -> str:
        """Where the answer comes from."""
        return "SQL" if self.query else "status"


def passed(evidence: str) -> Finding:
    """Return that a check passes."""
    return Finding("pass", evidence)


def failed(evidence: str) -> Finding:
    """Return that a check fails."""
    return Finding("fail", evidence)


def unknown(why: str) -> Finding:
    """Return that a check has no answer."""
    return Finding("unknown", why)


def none_of(found: Sequence[str], otherwise: str) -> Finding:
    """Return that a check fails with what was found, or passes."""
    return failed("; ".join(found)) if found else passed(otherwise)
