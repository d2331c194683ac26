"""The report of the gate (docs/gate.schema.json).

Times are in seconds since the epoch, durations in seconds. Every key is always present.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pg_migration_exporter.config.checks import Phase, Severity
from pg_migration_exporter.status.model import Model, Seconds, Server, Text, VerdictName

Result = Literal["pass", "fail", "unknown", "waived"]
#: From the worst to the best, as they are shown.
RESULTS: tuple[Result, ...] = ("fail", "unknown", "waived", "pass")
#: The exit code of each verdict; 2 is for what cannot be used as given.
EXIT_CODES: dict[VerdictName, int] = {"go": 0, "abort": 1, "hold": 3}


class Check(Model):
    """One check and its result."""

    name: str
    phase: Phase
    severity: Severity
    datname: Text = Field(description="Empty for what concerns the whole server.")
    result: Result
    verdict: VerdictName = Field(description="What this result means for the migration.")
    summary: Text = Field(description="What is true when it passes.")
    evidence: Text = Field(description="What was found, or why there is no answer.")
    source: str = Field(description="Where the answer comes from.")
    remedy: Text = Field(description="What to do if it does not pass.")
    runbook: str | None = Field(description="A file of docs/runbooks.")


class GateReport(Model):
    """What the gate found in one server."""

    phase: Phase
    verdict: VerdictName
    target: Text
    server: Server
    started_at: float
    duration_seconds: Seconds
    checks: list[Check] = Field(description="What speaks against it first.")
    not_asked: dict[str, str] = Field(description="Checks that were not asked, and why.")
