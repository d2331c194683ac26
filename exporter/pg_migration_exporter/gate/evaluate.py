"""From what was read to the checks of the report: no I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pg_migration_exporter.config.checks import Phase
from pg_migration_exporter.gate.check import BuiltIn, Evidence, Finding, unknown
from pg_migration_exporter.gate.model import RESULTS, Check, Result
from pg_migration_exporter.gate.question import Question
from pg_migration_exporter.gate.sources.model import OutsideCheck
from pg_migration_exporter.status.model import (
    VERDICTS,
    CheckStatus,
    TargetStatus,
    VerdictName,
    VerdictReason,
)
from pg_migration_exporter.status.runbooks import CHECK, CHECK_UNKNOWN, PRECHECK

#: The rows of a check's statement by column, or why there are none.
Answer = Sequence[Mapping[str, Any]] | str

#: Reasons of the verdict for which the checks of the configuration answer.
_OF_CONFIGURED = (PRECHECK, CHECK, CHECK_UNKNOWN)
#: What a failing check of the configuration means: after a migration, that it did not work.
_MEANING: dict[Phase, VerdictName] = {"pre": "hold", "during": "hold", "post": "abort"}


@dataclass(frozen=True, slots=True)
class Read:
    """What was read: the status, and the answers to the statements by check.

    `tags` are those of all histories, None if not all are shown. `outside` are the findings of the
    checks that ask others than the server.
    """

    status: TargetStatus
    answers: Mapping[str, Answer]
    tags: frozenset[str] | None
    now: datetime
    outside: Sequence[tuple[OutsideCheck, Finding]] = ()


def evaluate(question: Question, read: Read) -> list[Check]:
    """Return every check that is asked, what speaks against the migration first."""
    asked = question.asked()
    told = {*_OF_CONFIGURED, *(reason for check in asked for reason in check.reasons)}
    checks = [_built_in(check, question, read, told) for check in asked]
    checks += [_configured(found) for found in read.status.checks if found.phase == question.phase]
    checks += [_outside(check, finding) for check, finding in read.outside]
    return sorted((_weigh(check, question, read.now) for check in checks), key=_place)


def _place(check: Check) -> tuple[int, int]:
    return -VERDICTS.index(check.verdict), RESULTS.index(check.result)


def _built_in(check: BuiltIn, question: Question, read: Read, told: Collection[str]) -> Check:
    finding = _finding(check, question, read, told)
    return Check(
        name=check.name,
        phase=question.phase,
        severity=question.profile.severities.get(check.name, check.severity),
        datname="",
        result=finding.result,
        verdict=finding.verdict or check.on_failure,
        summary=check.summary,
        evidence=finding.evidence,
        source=check.source,
        remedy=check.remedy,
        runbook=f"{check.runbook}.md" if check.runbook else None,
    )


def _configured(check: CheckStatus) -> Check:
    """Return a check of the configuration, as its collector found it."""
    results: dict[bool | None, Result] = {True: "pass", False: "fail", None: "unknown"}
    return Check(
        name=check.name,
        phase=check.phase,
        severity=check.severity,
        datname=check.datname,
        result=results[check.passes],
        verdict=_MEANING[check.phase],
        summary=check.help,
        evidence=check.reason or "",
        source="configuration",
        remedy="Fix the cause, not the check.",
        runbook=f"{PRECHECK if check.phase == 'pre' else CHECK}.md",
    )


def _outside(check: OutsideCheck, finding: Finding) -> Check:
    return Check(
        name=check.name,
        phase=check.phase,
        severity=check.severity,
        datname="",
        result=finding.result,
        verdict=_MEANING[check.phase],
        summary=check.help,
        evidence=finding.evidence,
        source=check.source,
        remedy=check.remedy,
        runbook=None,
    )


def _finding(check: BuiltIn, question: Question, read: Read, told: Collection[str]) -> Finding:
    """Return what a built-in check finds; nothing read is unknown."""
    silent = {item.name: item.reason for item in read.status.collectors if item.state != "answered"}
    answered = {item.name for item in read.status.collectors} - silent.keys()
    reasons = _reasons(check, read.status.verdict.reasons, told)
    if check.collector and check.collector not in answered and not reasons:
        why = silent.get(check.collector) or "it is disabled, or the server does not answer"
        return unknown(f"no answer of the collector {check.collector}: {why}")
    answer = read.answers.get(check.name, "it was not read") if check.query else ()
    if isinstance(answer, str):
        return unknown(answer)
    return check.judge(
        Evidence(question.profile, read.status, read.now, answer, reasons, read.tags)
    )


def _reasons(
    check: BuiltIn, reasons: Sequence[VerdictReason], told: Collection[str]
) -> list[VerdictReason]:
    """Return the reasons of the verdict for which a check answers."""
    if check.takes_other_reasons:
        return [reason for reason in reasons if reason.name not in told]
    return [reason for reason in reasons if reason.name in check.reasons]


def _weigh(check: Check, question: Question, now: datetime) -> Check:
    """Return the check with what its result means; its verdict was that of a failure."""
    if check.result == "pass":
        return check.model_copy(update={"verdict": "go"})
    waiver = question.profile.waiver(check.name)
    if waiver and waiver.is_in_force(now):
        note = f"{check.evidence} (waived until {waiver.until}: {waiver.reason})"
        return check.model_copy(update={"result": "waived", "verdict": "go", "evidence": note})
    over = f" (the waiver ended on {waiver.until})" if waiver else ""
    is_unknown = check.result == "unknown"
    verdict = "hold" if is_unknown else check.verdict
    if (is_unknown and not question.unknown_holds) or not question.counts(check.severity):
        verdict = "go"
    return check.model_copy(update={"verdict": verdict, "evidence": check.evidence + over})
