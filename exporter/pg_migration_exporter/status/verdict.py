"""The verdict on a target for people: the judgement, and the most urgent state behind it."""

from __future__ import annotations

from pg_migration_exporter.status.judgement import Judgement, Standing
from pg_migration_exporter.status.model import Verdict, VerdictReason
from pg_migration_exporter.status.state import state
from pg_migration_exporter.status.target_facts import TargetFacts


def verdict(facts: TargetFacts, judgement: Judgement) -> Verdict:
    """Return the verdict with its reasons, each text once."""
    reasons = {
        (item.reason.datname, item.reason.text): _reason(item)
        for item in reversed(judgement.standing)
    }
    return Verdict(
        **state(facts).model_dump(),
        verdict=judgement.verdict,
        reasons=[*reversed(reasons.values())],
        databases=dict(judgement.databases),
    )


def _reason(item: Standing) -> VerdictReason:
    return VerdictReason(
        name=item.reason.name,
        verdict=item.verdict,
        datname=item.reason.datname,
        text=item.reason.text,
        ago_seconds=item.ago,
    )
