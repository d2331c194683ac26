"""Events as sentences."""

from __future__ import annotations

from collections.abc import Mapping

from pg_migration_exporter.engine.event_log import EventLog
from pg_migration_exporter.events import Event, EventKind
from pg_migration_exporter.formatting import count, duration
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.liquibase.state.texts import STATES
from pg_migration_exporter.status.model import Level, StatusEvent

#: The level of an event and its sentence; names in braces are its subject and details.
SENTENCES: Mapping[EventKind, tuple[Level, str]] = {
    EventKind.MIGRATION_STATE: ("info", "The state is {now}: {reason}"),
    EventKind.RUN_ENDED: ("info", "A run ended: {outcome}"),
    EventKind.CHANGESET_APPLIED: ("ok", "Changeset {subject} is recorded ({exectype})"),
    EventKind.CHANGESETS_REMOVED: (
        "attention",
        "Changesets were removed from the history: {changesets}",
    ),
    EventKind.LOCK_WAIT_STARTED: (
        "attention",
        "{application_name} ({subject}, {state}) blocks {sessions}",
    ),
    EventKind.LOCK_WAIT_ENDED: (
        "ok",
        "{application_name} ({subject}) no longer blocks others; {sessions} waited up to "
        "{longest_wait_seconds}",
    ),
    EventKind.INDEX_BUILD_STARTED: ("info", "{command} of {subject} started"),
    EventKind.INDEX_BUILD_PHASE: ("info", "{command} of {subject}: {phase}"),
    EventKind.INDEX_BUILD_COMPLETED: ("ok", "{command} of {subject} completed in {seconds}"),
    EventKind.INDEX_BUILD_FAILED: ("critical", "{command} of {subject} failed after {seconds}"),
    EventKind.INDEX_BUILD_INVALID: (
        "critical",
        "{command} of {subject} ended after {seconds} and left an invalid index",
    ),
}
_OUTCOMES: Mapping[str, Level] = {
    "succeeded": "ok",
    "failed": "critical",
    "rolled_back": "attention",
}


def describe_events(log: EventLog) -> list[StatusEvent]:
    """Return the events of the log, the latest first."""
    numbers = range(log.emitted, log.emitted - len(log.latest), -1)
    return [
        _describe(number, event)
        for number, event in zip(numbers, reversed(log.latest), strict=True)
    ]


def _describe(number: int, event: Event) -> StatusEvent:
    return StatusEvent(
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
    if event.kind == EventKind.MIGRATION_STATE:
        return STATES[MigrationState(str(event.details["now"]))].level
    if event.kind == EventKind.RUN_ENDED:
        return _OUTCOMES.get(str(event.details["outcome"]), "info")
    return SENTENCES[event.kind][0]


def _sentence(event: Event) -> str:
    words = {name: _detail(name, value) for name, value in event.details.items()}
    return SENTENCES[event.kind][1].format(**{**words, "subject": event.subject})


def _detail(name: str, value: str | float) -> str:
    if isinstance(value, str):
        return value.replace("_", " ") if name in {"now", "outcome"} else value
    if name.endswith("seconds"):
        return duration(value)
    return count(int(value), "session") if name == "sessions" else str(value)
