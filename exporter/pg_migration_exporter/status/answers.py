"""The answers to the main questions about a migration, for one target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pg_migration_exporter.collectors.liquibase import LIQUIBASE
from pg_migration_exporter.formatting import count, duration
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.liquibase.state.texts import StateText, describe
from pg_migration_exporter.status import runbooks
from pg_migration_exporter.status.model import LEVELS, Answer, Level, Migration, Question
from pg_migration_exporter.status.phrases import sessions_waiting
from pg_migration_exporter.status.target_facts import TargetFacts, is_failing

#: Seconds without a poll after which the watcher counts as stopped.
_MAX_WATCH_AGE = 30.0


class _Reply(NamedTuple):
    """An answer; `alert` has the runbook for what is wrong."""

    level: Level
    answer: str
    detail: str
    alert: str | None = None


_NOT_KNOWN = _Reply("unknown", "Not known", "")


def answers(facts: TargetFacts) -> list[Answer]:
    """Return the answers, in the order of the page."""
    replies = ((question, reply(facts)) for question, reply in _REPLIES.items())
    return [
        Answer(
            question=question,
            level=reply.level,
            answer=reply.answer,
            detail=reply.detail,
            runbook=runbooks.runbook(reply.alert, facts.settings),
        )
        for question, reply in replies
    ]


def _moving(facts: TargetFacts) -> _Reply:
    worst = facts.worst_migration
    if worst is None:
        return _NOT_KNOWN
    text, progress = _text(worst), ", ".join(_progress(facts, worst))
    if worst.status is MigrationState.RUNNING:
        alert = runbooks.BLOCKED if worst.blocked else None
        return _Reply(text.level, text.moving, progress, alert)
    if worst.status is MigrationState.STALE_LOCK:
        detail = "no other run can start: they all wait for its lock"
        return _Reply(text.level, text.moving, detail, text.runbook)
    if any(build.blocked_seconds for build in facts.builds):
        answer = "No: an index build waits"
        return _Reply("attention", answer, progress, runbooks.BUILD_BLOCKED)
    if facts.builds:
        return _Reply("info", "An index build is", progress)
    level: Level = "unknown" if worst.status is MigrationState.UNKNOWN else "info"
    to_run = f"{count(worst.pending, 'changeset')} to run" if worst.pending else ""
    return _Reply(level, text.moving, to_run)


def _progress(facts: TargetFacts, worst: Migration) -> Iterator[str]:
    if worst.pending is not None and worst.applied is not None:
        yield f"{worst.applied} of {worst.applied + worst.pending} changesets"
    if worst.statement:
        yield worst.statement
    for build in facts.builds[:1]:
        if build.progress is not None:
            yield f"index at {build.progress:.0%}"
        if build.eta_seconds is not None:
            yield f"about {duration(build.eta_seconds)} left"


def _hurting(facts: TargetFacts) -> _Reply:
    waits, worst = facts.waits, facts.worst_migration
    if waits is None:
        return _NOT_KNOWN
    longest = f"longest wait {duration(waits.longest_seconds)}"
    if waits.behind_migrations:
        answer = f"Yes: {sessions_waiting(waits.behind_migrations)} behind the migration"
        return _Reply("attention", answer, longest, runbooks.BLOCKS_OTHERS)
    others = waits.blocked - int(worst is not None and worst.blocked)
    if others > 0:
        detail = f"but {sessions_waiting(others)} for other sessions; {longest}"
        return _Reply("info", "No", detail, runbooks.LOCK_WAIT)
    return _Reply("ok", "No", "no session waits for its locks")


def _worked(facts: TargetFacts) -> _Reply:
    worst = facts.worst_migration
    if worst is None:
        return _NOT_KNOWN
    text = _text(worst)
    level: Level = "info" if worst.status is MigrationState.RUNNING else text.level
    alert = text.runbook if level in {"critical", "attention", "unknown"} else None
    details = [worst.failed_changeset] if worst.failed_changeset else []
    if facts.invalid:
        alert = alert or runbooks.INDEX_INVALID
        level = "attention" if level in {"ok", "info"} else level
        details.append(f"invalid indexes left: {len(facts.invalid)}")
    for check in facts.checks:
        if check.phase == "post" and is_failing(check):
            alert = alert or runbooks.CHECK
            level = min(level, check.level, key=LEVELS.index)
            details.append(f"the check {check.name} fails")
    return _Reply(level, text.worked, "; ".join(details), alert)


def _trusted(facts: TargetFacts) -> _Reply:
    if not facts.server.reached:
        detail = "the server does not answer: everything here is old"
        return _Reply("critical", "No", detail, runbooks.DOWN)
    if unseen := [*_unseen(facts)]:
        return _Reply("attention", "No", "; ".join(unseen), runbooks.BLIND)
    missing = [found.name for found in facts.collectors if found.state != "answered"]
    missing += [f"check {check.name}" for check in facts.checks if check.level == "unknown"]
    if missing:
        detail = f"no data from: {', '.join(missing)}"
        return _Reply("attention", "Not completely", detail, runbooks.BLIND)
    if facts.not_shown:
        kinds = (f"{number} {what}" for what, number in facts.not_shown.items())
        detail = f"not shown: {', '.join(kinds)}".replace("_", " ")
        return _Reply("attention", "Not completely", detail, runbooks.LEFT_OUT)
    if facts.watch_age is None or facts.watch_age > _MAX_WATCH_AGE:
        detail = "the watcher does not poll: short events are missed"
        return _Reply("attention", "Mostly", detail, runbooks.WATCHER_STALE)
    return _Reply("ok", "Yes", f"all {len(facts.collectors)} collectors answered")


def _unseen(facts: TargetFacts) -> Iterator[str]:
    """Yield what may have a migration that this page does not show."""
    silent = [name for name, answered in facts.databases.items() if not answered]
    if silent:
        yield f"no answer from: {', '.join(silent)}"
    if facts.left_out:
        yield f"{count(facts.left_out, 'database')} beyond databases.limit"
    for collector in facts.collectors:
        if collector.name == LIQUIBASE.name and collector.state != "answered":
            yield f"no data from: {collector.name}"


def _text(migration: Migration) -> StateText:
    return describe(
        migration.status, migration.source, blocked=migration.blocked, inferred=migration.inferred
    )


_REPLIES: Mapping[Question, Callable[[TargetFacts], _Reply]] = {
    "Is it moving?": _moving,
    "Does it hurt anyone?": _hurting,
    "Did it work?": _worked,
    "Can this page be trusted?": _trusted,
}
