"""Observes, asks, and waits while the answer is hold."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime

from pg_migration_exporter.gate.evaluate import evaluate
from pg_migration_exporter.gate.model import GateReport
from pg_migration_exporter.gate.question import Question
from pg_migration_exporter.gate.sources.ask import ask_outside
from pg_migration_exporter.gate.subject import Subject
from pg_migration_exporter.status.cache import REFRESH_INTERVAL
from pg_migration_exporter.status.judgement.blindness import NAMES as BLIND
from pg_migration_exporter.status.judgement.blindness import NO_ANSWER
from pg_migration_exporter.status.judgement.reason import worst
from pg_migration_exporter.status.model import TargetStatus

#: Seconds for the first answers, and between two attempts.
_FIRST_ANSWERS = 30.0
_RETRY_EVERY = 5.0


async def run_gate(subject: Subject, question: Question, observe: float, wait: float) -> GateReport:
    """Observe for `observe` seconds, then ask; again for `wait` seconds while it is hold."""
    started, began = datetime.now(UTC), time.monotonic()
    await _observe(subject, observe)
    while True:
        report = await _ask(subject, question, started, began)
        left = wait - (time.monotonic() - began)
        if report.verdict != "hold" or left <= 0:
            return report
        await _observe(subject, min(_RETRY_EVERY, left))


async def _observe(subject: Subject, seconds: float) -> None:
    """Read the status again and again: what is measured takes time, and so do first answers."""
    began = time.monotonic()
    while True:
        status = await subject.status()
        passed = time.monotonic() - began
        is_over = passed >= _FIRST_ANSWERS or not _is_just_started(status)
        if passed >= seconds and is_over:
            return
        await asyncio.sleep(REFRESH_INTERVAL)


def _is_just_started(status: TargetStatus) -> bool:
    """Return whether answers are to come, rather than that something gives none."""
    blind = {reason.name for reason in status.verdict.reasons} & {*BLIND}
    return blind == {NO_ANSWER}


async def _ask(subject: Subject, question: Question, started: datetime, began: float) -> GateReport:
    read = await subject.read(question)
    checks = evaluate(question, replace(read, outside=await ask_outside(question)))
    return GateReport(
        phase=question.phase,
        verdict=worst(check.verdict for check in checks),
        target=subject.name,
        server=read.status.server,
        started_at=started.timestamp(),
        duration_seconds=time.monotonic() - began,
        checks=checks,
        not_asked=question.not_asked(),
    )
