"""The state of a target: what is most urgent, the reason, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pg_migration_exporter.collectors.liquibase import LIQUIBASE
from pg_migration_exporter.config.checks import Phase
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.status import runbooks
from pg_migration_exporter.status.model import LEVELS, SessionInfo, State
from pg_migration_exporter.status.phrases import session_activity
from pg_migration_exporter.status.target_facts import TargetFacts, is_failing

_NOTHING_YET = State(
    level="unknown", state="not known", title="No scrape has completed yet", reason=""
)
_CHECK_FAILS: dict[Phase, str] = {
    "pre": "Do not start a migration now: a check fails",
    "during": "A migration is running, and a check fails",
    "post": "The migration has run, but a check fails",
}
#: Only for an idle session: another one that blocks the migration may be doing useful work.
_IDLE = (
    "Ask the owner of that session to end its transaction. If nobody answers, end that session, "
    "not the migration: `SELECT pg_terminate_backend({pid});`"
)
_OTHERS_WAIT = (
    "They wait until it ends: check its progress. If users cannot wait that long, cancel its "
    "statement, also a plain index build: the run fails and can be repeated. An index build with "
    "CONCURRENTLY blocks nobody: never cancel it for this."
)
_FAILED = {"failed": "failed", "skipped": "cannot run"}


def state(facts: TargetFacts) -> State:
    """Return the state: of the server first, then the exporter, then the worst migration."""
    server = facts.server
    if server.reached is None:
        return _NOTHING_YET
    if not server.reached:
        return State(
            level="critical",
            state="not reached",
            title="PostgreSQL cannot be reached",
            reason=f"No answer from {server.address}: {server.problem}",
            steps="Check that the server runs and that this exporter can connect to it. Everything "
            "below was read before the failure.",
            runbook=runbooks.runbook(runbooks.DOWN, facts.settings),
        )
    return _blind(facts) or _checked(facts, _of_migration(facts))


def _blind(facts: TargetFacts) -> State | None:
    """Return the state where the state of the migration cannot be read."""
    collectors = {collector.name: collector for collector in facts.collectors}
    watching = collectors.get(LIQUIBASE.name)
    if watching is None:
        return State(
            level="unknown",
            state="not watched",
            title="Migrations are not watched",
            reason=f"The collector {LIQUIBASE.name} is disabled in the configuration",
            runbook=runbooks.runbook(runbooks.BLIND, facts.settings),
        )
    if watching.state == "answered":
        return None
    return State(
        level="unknown",
        state="blind",
        title="The exporter is blind: it cannot read the state of the migration",
        reason=f"The collector {watching.name} {_FAILED[watching.state]}: {watching.reason}",
        steps="The server is up, but do not assume that the migration is healthy: check it in the "
        "database, and fix what stops the collector.",
        runbook=runbooks.runbook(runbooks.BLIND, facts.settings),
    )


def _of_migration(facts: TargetFacts) -> State:
    worst, waits = facts.worst_migration, facts.waits
    if worst is None:
        return _NOTHING_YET
    found = worst.verdict
    blocker = _blocker(waits.trees if waits else ()) if worst.blocked else None
    if blocker is not None:
        activity = session_activity(blocker.state, blocker.transaction_seconds)
        name = blocker.application_name or blocker.usename
        reason = f"It waits for {name}, pid {blocker.pid}, {activity}. {found.reason}"
        is_idle = blocker.state.startswith("idle in transaction")
        steps = _IDLE.format(pid=blocker.pid) if is_idle else found.steps
        return found.model_copy(update={"reason": reason, "steps": steps})
    if worst.status is MigrationState.RUNNING and waits is not None and waits.behind_migrations:
        title = "A migration is running, and others wait for it"
        runbook = runbooks.runbook(runbooks.BLOCKS_OTHERS, facts.settings)
        changes = {"level": "attention", "title": title, "steps": _OTHERS_WAIT, "runbook": runbook}
        return found.model_copy(update=changes)
    return found


def _checked(facts: TargetFacts, found: State) -> State:
    """Return the state on the migration, or on a critical check if that is worse."""
    failing = [
        check for check in facts.checks if is_failing(check) and check.severity == "critical"
    ]
    if not failing or LEVELS.index(found.level) <= LEVELS.index(failing[0].level):
        return found
    first = failing[0]
    is_early = first.phase == "pre"
    return State(
        level=first.level,
        state="check failed",
        title=_CHECK_FAILS[first.phase],
        reason=f"The check {first.name} requires: {first.help} {first.reason or ''}".rstrip(),
        steps="Fix the cause, not the check.",
        runbook=runbooks.runbook(runbooks.PRECHECK if is_early else runbooks.CHECK, facts.settings),
    )


def _blocker(trees: Sequence[SessionInfo]) -> SessionInfo | None:
    """Return the session at the head of the tree in which the migration waits."""
    return next((tree for tree in trees if any(_migrations_in(tree.waiters))), None)


def _migrations_in(sessions: Sequence[SessionInfo]) -> Iterator[SessionInfo]:
    for session in sessions:
        if session.is_migration:
            yield session
        yield from _migrations_in(session.waiters)
