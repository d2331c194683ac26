"""The state and the answers, from facts that were made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from pg_migration_exporter.config import Settings
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.status.answers import answers
from pg_migration_exporter.status.model import (
    CheckStatus,
    Collector,
    IndexBuild,
    InvalidIndex,
    Migration,
    Server,
    SessionInfo,
    Waits,
)
from pg_migration_exporter.status.state import state
from pg_migration_exporter.status.target_facts import TargetFacts
from tests.unit.status.made import CHECK, migration

SETTINGS = Settings()
SERVER = Server(address="db:5432/game", reached=True)
AWAY = Server(address="db:5432/game", reached=False, problem="connection refused")
SEES = Collector(name="liquibase", state="answered", reason=None, seconds=0.1)
FAILS = Collector(name="liquibase", state="failed", reason="no answer in time", seconds=None)
LOCKS_FAIL = Collector(name="locks", state="failed", reason="no answer in time", seconds=None)
INVALID = InvalidIndex(
    datname="game", schemaname="public", relname="quests", indexrelname="i", seconds=None
)
BLOCKED_BUILD = IndexBuild(
    datname="game",
    schemaname="public",
    relname="quests",
    indexrelname="i",
    command="CREATE INDEX",
    phase=None,
    progress=None,
    elapsed_seconds=9,
    eta_seconds=None,
    lockers=1,
    blocked_seconds=9,
    locker=None,
)
NOBODY = Waits(blocked=0, longest_seconds=0, behind_migrations=0, trees=[])


def session(pid: int, name: str, *waiters: SessionInfo, **traits: Any) -> SessionInfo:
    known: dict[str, Any] = {
        "datname": "game",
        "usename": "app",
        "state": "idle in transaction",
        "is_migration": name == "liquibase",
        "transaction_seconds": 60,
        "kind": "",
        "statement": None,
        "waits_for": None,
        "waited_seconds": 0,
    }
    return SessionInfo(pid=pid, application_name=name, waiters=list(waiters), **{**known, **traits})


def facts(*migrations: Migration, **traits: Any) -> TargetFacts:
    known: dict[str, Any] = {
        "server": SERVER,
        "collectors": [SEES],
        "waits": NOBODY,
        "watch_age": 1.0,
    }
    return TargetFacts(settings=SETTINGS, migrations=migrations, **{**known, **traits})


@pytest.mark.parametrize(
    ("found", "title", "level"),
    [
        (
            facts(migration(MigrationState.SUCCEEDED)),
            "All is well: everything expected has run",
            "ok",
        ),
        (
            facts(migration(MigrationState.SUCCEEDED, source="database")),
            "Nothing is running, and no failure is known",
            "ok",
        ),
        (
            facts(migration(MigrationState.SUCCEEDED), server=AWAY),
            "PostgreSQL cannot be reached",
            "critical",
        ),
        (
            facts(migration(MigrationState.FAILED), collectors=[FAILS]),
            "The exporter is blind: it cannot read the state of the migration",
            "unknown",
        ),
        (facts(collectors=[]), "Migrations are not watched", "unknown"),
        (facts(), "No scrape has completed yet", "unknown"),
        (
            facts(server=Server(address="db", reached=None)),
            "No scrape has completed yet",
            "unknown",
        ),
        (
            facts(migration(MigrationState.FAILED, inferred=True)),
            "The migration seems to have failed",
            "critical",
        ),
        (
            facts(
                migration(MigrationState.RUNNING),
                waits=NOBODY.model_copy(update={"behind_migrations": 1}),
            ),
            "A migration is running, and others wait for it",
            "attention",
        ),
    ],
)
def test_what_matters_most_comes_first(found: TargetFacts, title: str, level: str) -> None:
    reported = state(found)
    assert (reported.title, reported.level) == (title, level)


def test_a_migration_that_others_wait_for_is_not_just_left_alone() -> None:
    waits = NOBODY.model_copy(update={"behind_migrations": 1})
    reported = state(facts(migration(MigrationState.RUNNING), waits=waits))
    assert "cancel its statement" in reported.steps


def test_an_idle_session_that_blocks_the_migration_may_be_ended() -> None:
    waiting = session(2, "liquibase", waits_for="ShareLock on relation game.quests")
    running = migration(MigrationState.RUNNING, blocked=True)

    def steps(activity: str) -> str:
        tree = session(7, "quest-service", waiting, state=activity)
        return state(facts(running, waits=NOBODY.model_copy(update={"trees": [tree]}))).steps

    for activity in ("idle in transaction", "idle in transaction (aborted)"):
        assert steps(activity).endswith("`SELECT pg_terminate_backend(7);`")
    # A report, a vacuum or an index build: the runbook tells them apart.
    assert steps("active") == running.verdict.steps


def test_who_blocks_the_migration_is_named() -> None:
    waiting = session(2, "liquibase", waits_for="ShareLock on relation game.quests")
    tree = session(1, "quest-service", session(3, "psql", waiting))
    waits = Waits(blocked=2, longest_seconds=9, behind_migrations=0, trees=[tree])
    reported = state(facts(migration(MigrationState.RUNNING, blocked=True), waits=waits))
    assert reported.reason.startswith(
        "It waits for quest-service, pid 1, idle in transaction, started 1 min ago. "
    )


@pytest.mark.parametrize(
    ("found", "reported"),
    [
        (
            facts(migration(MigrationState.SUCCEEDED)),
            ["Nothing is running", "No", "Yes", "Yes"],
        ),
        (
            facts(migration(MigrationState.FAILED)),
            ["No: it has ended", "No", "No", "Yes"],
        ),
        (
            facts(migration(MigrationState.SUCCEEDED), server=AWAY, waits=None),
            ["Not known", "Not known", "Not known", "No"],
        ),
        (
            facts(migration(MigrationState.STALE_LOCK), watch_age=None),
            ["No: its session is gone", "No", "No", "Mostly"],
        ),
        (
            facts(
                migration(MigrationState.RUNNING, blocked=True),
                collectors=[SEES, LOCKS_FAIL],
                waits=None,
            ),
            ["No: it is blocked", "Not known", "Not over yet", "Not completely"],
        ),
        (
            facts(
                migration(MigrationState.RUNNING),
                waits=Waits(blocked=3, longest_seconds=9, behind_migrations=1, trees=[]),
            ),
            ["It is running", "Yes: 1 session waits behind the migration", "Not over yet", "Yes"],
        ),
    ],
)
def test_answers(found: TargetFacts, reported: list[str]) -> None:
    assert [answer.answer for answer in answers(found)] == reported


@pytest.mark.parametrize("status", MigrationState)
@pytest.mark.parametrize("blocked", [True, False])
def test_what_is_wrong_has_a_runbook(status: MigrationState, *, blocked: bool) -> None:
    hurt = Waits(blocked=3, longest_seconds=9, behind_migrations=1, trees=[])
    worst = migration(status, blocked=blocked)
    for found in (
        facts(worst),
        facts(worst, waits=hurt, watch_age=None),
        facts(worst, collectors=[SEES, LOCKS_FAIL]),
        facts(worst, server=AWAY),
        facts(worst, invalid=[INVALID]),
        facts(worst, builds=[BLOCKED_BUILD]),
    ):
        for answer in answers(found):
            assert (answer.level in {"critical", "attention"}) <= (answer.runbook is not None), (
                answer
            )
            assert (answer.level == "ok") <= (answer.runbook is None), answer


def test_how_far_it_is() -> None:
    running = migration(MigrationState.RUNNING, applied=9, pending=5, statement="CREATE INDEX")
    moving = answers(facts(running))[0]
    assert moving.detail == "9 of 14 changesets, CREATE INDEX"


def check(**changes: Any) -> CheckStatus:
    return CHECK.model_copy(update=changes)


@pytest.mark.parametrize(
    ("status", "found", "title", "level"),
    [
        (
            MigrationState.SUCCEEDED,
            check(),
            "The migration has run, but a check fails",
            "critical",
        ),
        (
            MigrationState.RUNNING,
            check(phase="during"),
            "A migration is running, and a check fails",
            "critical",
        ),
        (
            MigrationState.PENDING,
            check(phase="pre", level="attention"),
            "Do not start a migration now: a check fails",
            "attention",
        ),
        (MigrationState.SUCCEEDED, check(passes=True, level="ok"), "All is well: ", "ok"),
        (
            MigrationState.SUCCEEDED,
            check(severity="warning", level="attention"),
            "All is well: ",
            "ok",
        ),
        (MigrationState.SUCCEEDED, check(matters=False, level="info"), "All is well: ", "ok"),
        (
            MigrationState.FAILED,
            check(phase="pre", level="attention"),
            "The migration failed",
            "critical",
        ),
    ],
)
def test_a_critical_check_that_fails_is_told_unless_there_is_worse(
    status: MigrationState, found: CheckStatus, title: str, level: str
) -> None:
    reported = state(facts(migration(status), checks=[found]))
    assert reported.title.startswith(title)
    assert reported.level == level


def test_the_reason_of_a_check_is_told() -> None:
    reported = state(facts(migration(MigrationState.SUCCEEDED), checks=[CHECK]))
    assert reported.reason == "The check rows requires: All rows are there. 7 are missing"
    assert reported.runbook is not None
    assert reported.runbook.alert == "MigrationCheckFailed"


def test_answers_tell_of_checks() -> None:
    unknown = check(name="size", passes=None, level="unknown")
    reported = answers(facts(migration(MigrationState.SUCCEEDED), checks=[CHECK, unknown]))
    by_question = {answer.question: answer for answer in reported}
    worked = by_question["Did it work?"]
    assert (worked.level, worked.detail) == ("critical", "the check rows fails")
    assert "check size" in by_question["Can this page be trusted?"].detail
