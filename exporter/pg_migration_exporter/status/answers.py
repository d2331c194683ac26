"""The questions that everybody asks of a migration, answered for one target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pg_migration_exporter.liquibase.state import Status as State
from pg_migration_exporter.status.findings import Findings, is_failing
from pg_migration_exporter.status.model import LEVELS, Answer, Level, Migration, Question
from pg_migration_exporter.status.words import Words, count, duration, waiting, words_for

#: Seconds after which what the watcher saw last is no longer what is the case.
_FRESH = 30.0
#: Level, answer, detail.
_Reply = tuple[Level, str, str]
_NOT_KNOWN: _Reply = ("unknown", "Not known", "")


def answers(findings: Findings) -> list[Answer]:
    """All questions, in the order that they are asked in."""
    replies = ((question, reply(findings)) for question, reply in _REPLIES.items())
    return [
        Answer(question=question, level=level, answer=answer, detail=detail)
        for question, (level, answer, detail) in replies
    ]


def _moving(findings: Findings) -> _Reply:
    worst = findings.worst
    if worst is None:
        return _NOT_KNOWN
    words, how_far = _words(worst), ", ".join(_how_far(findings, worst))
    if worst.status is State.RUNNING:
        return words.level, words.moving, how_far
    if worst.status is State.STALE_LOCK:
        return words.level, words.moving, "every further run waits for its lock in vain"
    if any(build.blocked_seconds for build in findings.builds):
        return "attention", "No: an index build waits", how_far
    if findings.builds:
        return "info", "An index build is", how_far
    level: Level = "unknown" if worst.status is State.UNKNOWN else "info"
    return (
        level,
        words.moving,
        f"{count(worst.pending, 'changeset')} to run" if worst.pending else "",
    )


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
        return "attention", f"Yes: {waiting(waits.behind_migrations)}", longest
    others = waits.blocked - int(worst is not None and worst.blocked)
    if others > 0:
        return "info", "No", f"but {waiting(others)} for locks of others; {longest}"
    return "ok", "No", "nobody waits for a lock of it"


def _worked(findings: Findings) -> _Reply:
    worst = findings.worst
    if worst is None:
        return _NOT_KNOWN
    words = _words(worst)
    level: Level = "info" if worst.status is State.RUNNING else words.level
    details = [worst.failed_changeset] if worst.failed_changeset else []
    if findings.invalid:
        level = "attention" if level in {"ok", "info"} else level
        details.append(f"invalid indexes are left behind: {len(findings.invalid)}")
    for check in findings.checks:
        if check.phase == "post" and is_failing(check):
            level = min(level, check.level, key=LEVELS.index)
            details.append(f"the check {check.name} fails")
    return level, words.worked, "; ".join(details)


def _trusted(findings: Findings) -> _Reply:
    if not findings.server.reached:
        return "critical", "No", "the server does not answer: nothing here is new"
    missing = [name for name, answered in findings.databases.items() if not answered]
    missing += [one.name for one in findings.collectors if one.state != "answered"]
    missing += [f"check {one.name}" for one in findings.checks if one.level == "unknown"]
    if missing:
        return "attention", "Not in all", f"nothing is known from: {', '.join(missing)}"
    if findings.watch_age is None or findings.watch_age > _FRESH:
        return "attention", "Mostly", "the watcher does not look: short events are missed"
    return "ok", "Yes", f"all {len(findings.collectors)} collectors answered"


def _words(migration: Migration) -> Words:
    return words_for(
        migration.status, migration.source, blocked=migration.blocked, inferred=migration.inferred
    )


_REPLIES: Mapping[Question, Callable[[Findings], _Reply]] = {
    "Is it moving?": _moving,
    "Does it hurt anyone?": _hurting,
    "Did it work?": _worked,
    "Can this page be trusted?": _trusted,
}
