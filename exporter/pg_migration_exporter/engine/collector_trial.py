"""Runs each collector once, to say before the first scrape what it does not get an answer to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import psycopg

from pg_migration_exporter.collectors import Collector
from pg_migration_exporter.collectors.cache import CachedResult
from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.limits import LimitsSection, What
from pg_migration_exporter.engine.plan import Plan
from pg_migration_exporter.engine.run_collector import run_collector
from pg_migration_exporter.engine.run_context import ContextFactory
from pg_migration_exporter.errors import UnfitAnswerError
from pg_migration_exporter.postgres.persistent_connection import UnreachableError
from pg_migration_exporter.postgres.session import Session

#: What says something about this moment, not about the server's version or the configuration.
_TRANSIENT = (
    psycopg.errors.QueryCanceled,
    psycopg.errors.LockNotAvailable,
    UnreachableError,
)


@dataclass(slots=True)
class Trial:
    """What came of it: names of collectors that answered, and lines about the others."""

    working: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    left_out: dict[What, int] = field(default_factory=dict)

    def warnings(self) -> list[str]:
        """Return a line for each collector that gave no answer now, and for each limit reached."""
        limits = (
            f"limits.{what} leaves out {number} or more (MigrationExporterLeftOut)"
            for what, number in self.left_out.items()
            if what in LimitsSection.model_fields
        )
        return [*self.unanswered, *limits]


async def try_collectors(session: Session, plan: Plan, settings: Settings) -> Trial:
    """Run all collectors of the plan, the user's statements last, as in a scrape.

    One without an answer in the time of a scrape ends the trial: its session is of no more use.
    """
    trial = Trial()
    seconds = settings.scrape.timeout
    for collector in sorted(plan.collectors, key=lambda collector: collector.last):
        try:
            async with asyncio.timeout(seconds):
                trial.left_out |= await _run(collector, session, plan, settings)
        except TimeoutError:
            trial.unanswered.append(
                f"collector {collector.name} gave no answer in {seconds:g} s; "
                "those that follow it were not tried"
            )
            break
        except _TRANSIENT as error:
            trial.unanswered.append(f"collector {collector.name} has no answer now: {error}")
        except (psycopg.Error, UnfitAnswerError) as error:
            trial.problems.append(f"{collector.name}: {error}".strip())
        else:
            trial.working.append(collector.name)
    return trial


async def _run(
    collector: Collector[Any], session: Session, plan: Plan, settings: Settings
) -> dict[What, int]:
    """Return what the collector's limits left out."""
    assert plan.capabilities is not None
    memory = collector.memory(settings)
    context = ContextFactory(settings).make(collector, memory, session, plan.capabilities)
    try:
        await run_collector(collector, context, CachedResult())
    finally:
        if collector.close is not None:
            await collector.close(memory)
    return context.bounds.left_out
