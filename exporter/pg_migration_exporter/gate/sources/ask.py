"""Checks of the profile that ask something else than the server, in the gate alone."""

from __future__ import annotations

import asyncio

from pg_migration_exporter.gate.check import Finding, unknown
from pg_migration_exporter.gate.question import Question
from pg_migration_exporter.gate.sources.command import ask_command
from pg_migration_exporter.gate.sources.http import ask_http
from pg_migration_exporter.gate.sources.model import OutsideCheck
from pg_migration_exporter.gate.sources.promql import ask_prometheus

#: Checks that are asked at the same time.
_MAX_CONCURRENT = 10


async def ask_outside(question: Question) -> list[tuple[OutsideCheck, Finding]]:
    """Ask the checks of the phase; each has an answer within its timeout, or is unknown."""
    slots = asyncio.Semaphore(_MAX_CONCURRENT)

    async def ask(check: OutsideCheck) -> tuple[OutsideCheck, Finding]:
        async with slots:
            return check, await _ask(check, question.profile.prometheus)

    checks = [check for check in question.profile.checks if check.phase == question.phase]
    return [*await asyncio.gather(*map(ask, checks))]


async def _ask(check: OutsideCheck, prometheus: str | None) -> Finding:
    try:
        async with asyncio.timeout(check.timeout):
            if check.command is not None:
                return await ask_command(check.command, check.timeout)
            if check.http is not None:
                return await ask_http(check.http, check.timeout)
            assert check.promql is not None
            return await ask_prometheus(check.promql, prometheus, check.timeout)
    except TimeoutError:
        return unknown(f"no answer within {check.timeout:g} s")
