"""Go, hold or abort: the one place where it is decided, for each database and for the server."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from weakref import WeakKeyDictionary

from pg_migration_exporter.collectors.query_duration import QUERY_DURATION, QUERY_DURATIONS
from pg_migration_exporter.engine.scrape import Scrape
from pg_migration_exporter.engine.target import Target
from pg_migration_exporter.latency.histogram import GrowingHistogram
from pg_migration_exporter.metrics.families import FamilySamples
from pg_migration_exporter.status.judgement.blindness import blindness
from pg_migration_exporter.status.judgement.measurements import measurements
from pg_migration_exporter.status.judgement.memory import Standing
from pg_migration_exporter.status.judgement.migrations import of_checks, of_migrations
from pg_migration_exporter.status.judgement.reason import Reason, worst
from pg_migration_exporter.status.judgement.situation import Situation, situation
from pg_migration_exporter.status.judgement.stored import StoredReasons
from pg_migration_exporter.status.latency import LatencyHistory
from pg_migration_exporter.status.model import VerdictName
from pg_migration_exporter.status.samples import Samples


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a server, on each of its watched databases, and the reasons, worst first."""

    verdict: VerdictName
    databases: Mapping[str, VerdictName]
    standing: Sequence[Standing]


def reasons(now: Situation) -> tuple[Sequence[Reason], bool]:
    """Return the reasons that are true now, and whether something gave no answer."""
    blind = [*blindness(now)]
    found = [*blind, *of_migrations(now), *of_checks(now), *measurements(now)]
    ignored = now.settings.verdict.ignore
    return [reason for reason in found if reason.name not in ignored], bool(blind)


def judge(now: Situation, standing: Sequence[Standing]) -> Judgement:
    """Return the verdicts: a database has its own reasons and those of its server."""
    patterns = now.settings.verdict.databases
    return Judgement(
        verdict=worst(item.verdict for item in standing if _counts(item.reason.datname, patterns)),
        databases={
            datname: worst(
                item.verdict for item in standing if item.reason.datname in ("", datname)
            )
            for datname in now.databases
        },
        standing=standing,
    )


def _counts(datname: str, patterns: Sequence[str]) -> bool:
    """Return whether a reason of this database counts for the server."""
    return not datname or any(fnmatchcase(datname, pattern) for pattern in patterns)


@dataclass(slots=True)
class _Memory:
    """What is remembered of one target."""

    reasons: StoredReasons
    began: float
    latency: LatencyHistory = field(default_factory=LatencyHistory)


class Judge:
    """Judges targets; needs nothing but their scrapes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._memories: WeakKeyDictionary[Target, _Memory] = WeakKeyDictionary()

    def judge(self, target: Target, scrape: Scrape | None) -> Judgement:
        """Return the verdict after a scrape, or after its first part; None before the first."""
        now = self._clock()
        memory = self._memories.get(target)
        if memory is None:
            memory = _Memory(StoredReasons(target.settings, now), now)
            self._memories[target] = memory
        latencies = _latencies(target, scrape, memory.latency, now)
        current = situation(target, scrape, latencies, now - memory.began)
        found, is_blind = reasons(current)
        return judge(current, memory.reasons.update(found, now, is_blind=is_blind))


def _latencies(
    target: Target, scrape: Scrape | None, history: LatencyHistory, now: float
) -> dict[str, float]:
    """Return the 95th percentile of each database that had statements enough, in seconds."""
    if scrape is None or not scrape.reached:
        return {}
    history.record(Samples([_judged(target, scrape)]), now)
    return {
        latency.datname: latency.now_seconds
        for latency in history.report(None, target.settings.verdict.min_statements)
        if latency.now_seconds is not None
    }


def _judged(target: Target, scrape: Scrape) -> FamilySamples:
    """Return the histograms, without the statements of the roles that migrate."""
    memory = target.databases()[0].memory(QUERY_DURATIONS.name)
    if memory is None or not target.settings.liquibase.roles:
        return scrape.samples_of(QUERY_DURATION)
    judged: Mapping[str, GrowingHistogram] = memory.judged
    found = FamilySamples(QUERY_DURATION)
    for datname, histogram in judged.items():
        found.add(histogram.snapshot(), datname, "statements")
    return found
