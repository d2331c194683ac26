"""The verdict on a target: the one thing that whoever looks has to know first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pg_migration_exporter.collectors.liquibase import LIQUIBASE
from pg_migration_exporter.config.checks import Phase
from pg_migration_exporter.liquibase.state.decide import MigrationState
from pg_migration_exporter.status import runbooks
from pg_migration_exporter.status.findings import Findings, is_failing
from pg_migration_exporter.status.model import LEVELS, SessionInfo, Verdict
from pg_migration_exporter.status.words import doing

_NOTHING_YET = Verdict(
    level="unknown", state="not known", title="Nothing has been looked at yet", reason=""
)
_CHECK_FAILS: dict[Phase, str] = {
    "pre": "Do not start a migration now: a check fails",
    "during": "A migration is running, and a check fails",
    "post": "The migration has run, and a check of it fails",
}
#: Of a session that does nothing: whatever else holds the migration up may not be ended like that.
_IDLE = (
    "Have its owner end that transaction. If nobody answers, end its session, and not the "
    "migration: `SELECT pg_terminate_backend({pid});`"
)
_OTHERS_WAIT = (
    "They wait until it ends: see how far it is. If users cannot wait that long, cancel its "
    "statement, an index build too once you know that it hurts them: the run fails and can be "
    "repeated."
)
_FAILED = {"failed": "failed", "skipped": "cannot run"}


def verdict(findings: Findings) -> Verdict:
    """What matters most: the server, then whether anything is seen, then the worst migration."""
    server = findings.server
    if server.reached is None:
        return _NOTHING_YET
    if not server.reached:
        return Verdict(
            level="critical",
            state="not reached",
            title="PostgreSQL is not reached",
            reason=f"No answer from {server.address}: {server.problem}",
            steps="See whether the server runs, and whether this exporter may connect to it. What "
            "is shown below was seen before that.",
            runbook=runbooks.runbook(runbooks.DOWN, findings.settings),
        )
    return _blind(findings) or _checked(findings, _worst(findings))


def _blind(findings: Findings) -> Verdict | None:
    """The verdict where nobody can say how the migration is."""
    watching = next((one for one in findings.collectors if one.name == LIQUIBASE.name), None)
    if watching is None:
        return Verdict(
            level="unknown",
            state="not watched",
            title="Migrations are not watched",
            reason=f"The collector {LIQUIBASE.name} is switched off in the configuration",
            runbook=runbooks.runbook(runbooks.BLIND, findings.settings),
        )
    if watching.state == "answered":
        return None
    return Verdict(
        level="unknown",
        state="blind",
        title="The exporter is blind: it cannot see the migration",
        reason=f"The collector {watching.name} {_FAILED[watching.state]}: {watching.reason}",
        steps="The server is up. Do not take the migration for healthy: look into the database "
        "itself, and mend what keeps the exporter from seeing it.",
        runbook=runbooks.runbook(runbooks.BLIND, findings.settings),
    )


def _worst(findings: Findings) -> Verdict:
    worst, waits = findings.worst, findings.waits
    if worst is None:
        return _NOTHING_YET
    found = worst.verdict
    blocker = _blocker(waits.trees if waits else ()) if worst.blocked else None
    if blocker is not None:
        what = doing(blocker.state, blocker.transaction_seconds)
        name = blocker.application_name or blocker.usename
        reason = f"It waits for {name}, pid {blocker.pid}, {what}. {found.reason}"
        is_idle = blocker.state.startswith("idle in transaction")
        steps = _IDLE.format(pid=blocker.pid) if is_idle else found.steps
        return found.model_copy(update={"reason": reason, "steps": steps})
    if worst.status is MigrationState.RUNNING and waits is not None and waits.behind_migrations:
        title = "A migration is running, and others wait for it"
        runbook = runbooks.runbook(runbooks.BLOCKS_OTHERS, findings.settings)
        told = {"level": "attention", "title": title, "steps": _OTHERS_WAIT, "runbook": runbook}
        return found.model_copy(update=told)
    return found


def _checked(findings: Findings, found: Verdict) -> Verdict:
    """The verdict on the migration, or on a critical check if that is worse."""
    failing = [one for one in findings.checks if is_failing(one) and one.severity == "critical"]
    if not failing or LEVELS.index(found.level) <= LEVELS.index(failing[0].level):
        return found
    first = failing[0]
    is_early = first.phase == "pre"
    return Verdict(
        level=first.level,
        state="check failed",
        title=_CHECK_FAILS[first.phase],
        reason=f"The check {first.name} asks for: {first.help} {first.reason or ''}".rstrip(),
        steps="Mend what the check asks for, not the check.",
        runbook=runbooks.runbook(
            runbooks.PRECHECK if is_early else runbooks.CHECK, findings.settings
        ),
    )


def _blocker(trees: Sequence[SessionInfo]) -> SessionInfo | None:
    """The session at the head of the tree in which the migration waits."""
    return next((tree for tree in trees if any(_migrations_in(tree.waiters))), None)


def _migrations_in(sessions: Sequence[SessionInfo]) -> Iterator[SessionInfo]:
    for one in sessions:
        if one.is_migration:
            yield one
        yield from _migrations_in(one.waiters)
