"""The verdict: go, hold or abort, from the scrapes of a target (docs/verdict.md)."""

from pg_migration_exporter.status.judgement.families import FAMILIES, families
from pg_migration_exporter.status.judgement.judge import Judge, Judgement
from pg_migration_exporter.status.judgement.memory import Standing
from pg_migration_exporter.status.judgement.reason import Reason
from pg_migration_exporter.status.model import VERDICTS, VerdictName

__all__ = [
    "FAMILIES",
    "VERDICTS",
    "Judge",
    "Judgement",
    "Reason",
    "Standing",
    "VerdictName",
    "families",
]
