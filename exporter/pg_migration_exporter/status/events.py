"""Events as sentences; what kinds there are, the watcher's collectors decide."""

from __future__ import annotations

from collections.abc import Mapping

from pg_migration_exporter.liquibase.state import Status as State
from pg_migration_exporter.status.model import Happening, Level
from pg_migration_exporter.status.words import WORDS, count, duration
from pg_migration_exporter.watch.events import Event, EventLog

#: How bad an event is, and its sentence; names in braces are the event's subject and details.
SENTENCES: Mapping[str, tuple[Level, str]] = {
    "migration_state": ("info", "The state is {now}: {reason}"),
    "run_ended": ("info", "A run ended: {outcome}"),
    "changeset_applied": ("ok", "Changeset {subject} is recorded ({exectype})"),
    "changesets_removed": ("attention", "Changesets were taken out of the history: {changesets}"),
    "lock_wait_started": (
        "attention",
        "{application_name} ({subject}, {state}) holds others up: {sessions}",
    ),
    "lock_wait_ended": (
        "ok",
        "{application_name} ({subject}) holds nobody up any more; {sessions} waited, at most "
        "{longest_wait_seconds}",
    ),
    "index_build_started": ("info", "{command} of {subject} began"),
    "index_build_phase": ("info", "{command} of {subject}: {phase}"),
    "index_build_completed": ("ok", "{command} of {subject} completed in {seconds}"),
    "index_build_failed": ("critical", "{command} of {subject} failed after {seconds}"),
    "index_build_invalid": (
        "critical",
        "{command} of {subject} ended after {seconds} and left an invalid index",
    ),
}
_OUTCOMES: Mapping[str, Level] = {
    "succeeded": "ok",
    "failed": "critical",
    "rolled_back": "attention",
}


def happenings(log: EventLog) -> list[Happening]:
    """The events that are kept, the latest one first."""
    numbers = range(log.told, log.told - len(log.latest), -1)
    return [
        _happening(number, event)
        for number, event in zip(numbers, reversed(log.latest), strict=True)
    ]


def _happening(number: int, event: Event) -> Happening:
    return Happening(
        number=number,
        time=event.time,
        kind=event.kind,
        datname=event.datname,
        subject=event.subject,
        level=_level(event),
        text=_sentence(event),
        details=dict(event.details),
    )


def _level(event: Event) -> Level:
    if event.kind == "migration_state":
        return WORDS[State(str(event.details["now"]))].level
    if event.kind == "run_ended":
        return _OUTCOMES.get(str(event.details["outcome"]), "info")
    return SENTENCES[event.kind][0] if event.kind in SENTENCES else "info"


def _sentence(event: Event) -> str:
    """The event in words; of a kind that is not known here, everything it says."""
    words = {name: _word(name, value) for name, value in event.details.items()}
    if event.kind in SENTENCES:
        return SENTENCES[event.kind][1].format(**{**words, "subject": event.subject})
    details = ", ".join(f"{name} {word}" for name, word in words.items())
    return f"{event.kind.replace('_', ' ')}: {event.subject} {details}".rstrip()


def _word(name: str, value: str | float) -> str:
    if isinstance(value, str):
        return value.replace("_", " ") if name in {"now", "outcome"} else value
    if name.endswith("seconds"):
        return duration(value)
    return count(int(value), "session") if name == "sessions" else str(value)
