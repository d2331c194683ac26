"""The questions that everybody asks of a migration, answered for one target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.liquibase.state.texts import StateText, describe
from pg_migration_exporter.status import runbooks
from pg_migration_exporter.status.findings import Findings, is_failing
from pg_migration_exporter.status.model import LEVELS, Answer, Level, Migration, Question
from pg_migration_exporter.status.words import count, duration, waiting

#: Seconds after which what the watcher saw last is no longer what is the case.
_FRESH = 30.0


class _Reply(NamedTuple):
    """What is answered; `alert` names the runbook of what is wrong."""

    level: Level
    answer: str
    detail: str
    alert: str | None = None


_NOT_KNOWN = _Reply("unknown", "Not known", "")


def answers(findings: Findings) -> list[Answer]:
    """All questions, in the order that they are asked in."""
    replies = ((question, reply(findings)) for question, reply in _REPLIES.items())
    return [
        Answer(
            question=question,
            level=reply.level,
            answer=reply.answer,
            detail=reply.detail,
            runbook=runbooks.runbook(reply.alert, findings.settings),
        )
        for question, reply in replies
    ]


def _moving(findings: Findings) -> _Reply:
    worst = findings.worst
    if worst is None:
        return _NOT_KNOWN
    text, how_far = _text(worst), ", ".join(_how_far(findings, worst))
    if worst.status is MigrationState.RUNNING:
        alert = runbooks.BLOCKED if worst.blocked else None
        return _Reply(text.level, text.moving, how_far, alert)
    if worst.status is MigrationState.STALE_LOCK:
        detail = "every further run waits for its lock in vain"
        return _Reply(text.level, text.moving, detail, text.runbook)
    if any(build.blocked_seconds for build in findings.builds):
        waits = "No: an index build waits"
        return _Reply("attention", waits, how_far, runbooks.BUILD_BLOCKED)
    if findings.builds:
        return _Reply("info", "An index build is", how_far)
    level: Level = "unknown" if worst.status is MigrationState.UNKNOWN else "info"
    to_run = f"{count(worst.pending, 'changeset')} to run" if worst.pending else ""
    return _Reply(level, text.moving, to_run)


def _how_far(findings: Findings, worst: Migration) -> Iterator[str]:
    if worst.pending is not None and worst.applied is not None:
        yield f"{worst.applied} of {worst.applied + worst.pending} changesets"
    if worst.statement:
        yield worst.statement
    for build in findings.builds[:1]:
        if build.progress is not None:
            yield f"index at {build.progress:.0%}"
        if build.eta_seconds is not None:
            yield f"about {duration(build.eta_seconds)} left"


def _hurting(findings: Findings) -> _Reply:
    waits, worst = findings.waits, findings.worst
    if waits is None:
        return _NOT_KNOWN
    longest = f"the longest wait lasts {duration(waits.longest_seconds)}"
    if waits.behind_migrations:
        hurt = f"Yes: {waiting(waits.behind_migrations)}"
        return _Reply("attention", hurt, longest, runbooks.BLOCKS_OTHERS)
    others = waits.blocked - int(worst is not None and worst.blocked)
    if others > 0:
        detail = f"but {waiting(others)} for locks of others; {longest}"
        return _Reply("info", "No", detail, runbooks.LOCK_WAIT)
    return _Reply("ok", "No", "nobody waits for a lock of it")


def _worked(findings: Findings) -> _Reply:
    worst = findings.worst
    if worst is None:
        return _NOT_KNOWN
    text = _text(worst)
    level: Level = "info" if worst.status is MigrationState.RUNNING else text.level
    alert = text.runbook if level in {"critical", "attention", "unknown"} else None
    details = [worst.failed_changeset] if worst.failed_changeset else []
    if findings.invalid:
        alert = alert or runbooks.INDEX_INVALID
        level = "attention" if level in {"ok", "info"} else level
        details.append(f"invalid indexes are left behind: {len(findings.invalid)}")
    for check in findings.checks:
        if check.phase == "post" and is_failing(check):
            alert = alert or runbooks.CHECK
            level = min(level, check.level, key=LEVELS.index)
            details.append(f"the check {check.name} fails")
    return _Reply(level, text.worked, "; ".join(details), alert)


def _trusted(findings: Findings) -> _Reply:
    if not findings.server.reached:
        detail = "the server does not answer: nothing here is new"
        return _Reply("critical", "No", detail, runbooks.DOWN)
    missing = [name for name, answered in findings.databases.items() if not answered]
    missing += [one.name for one in findings.collectors if one.state != "answered"]
    missing += [f"check {one.name}" for one in findings.checks if one.level == "unknown"]
    if missing:
        detail = f"nothing is known from: {', '.join(missing)}"
        return _Reply("attention", "Not in all", detail, runbooks.BLIND)
    if findings.watch_age is None or findings.watch_age > _FRESH:
        detail = "the watcher does not look: short events are missed"
        return _Reply("attention", "Mostly", detail, runbooks.WATCHER_STALE)
    return _Reply("ok", "Yes", f"all {len(findings.collectors)} collectors answered")


def _text(migration: Migration) -> StateText:
    return describe(
        migration.status, migration.source, blocked=migration.blocked, inferred=migration.inferred
    )


_REPLIES: Mapping[Question, Callable[[Findings], _Reply]] = {
    "Is it moving?": _moving,
    "Does it hurt anyone?": _hurting,
    "Did it work?": _worked,
    "Can this page be trusted?": _trusted,
}
