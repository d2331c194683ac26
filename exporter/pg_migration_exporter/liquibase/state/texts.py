"""What each state of a migration means, and how pages, terminal, dashboards and docs show it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from pg_migration_exporter.liquibase.state.decide import MigrationState, Source

#: How urgent a state is for the reader, worst first.
Level = Literal["critical", "attention", "unknown", "info", "ok"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateText:
    """One state, for someone on call.

    `moving` and `worked` answer "Is it moving?" and "Did it work?". `color` is Grafana's, `number`
    stands for the state in dashboards: the worst has the highest. `runbook` names the alert on the
    state, and `severity` is that alert's; both are "" for a state without an alert.
    """

    level: Level
    title: str
    meaning: str
    steps: str
    moving: str
    worked: str
    color: str
    number: int
    runbook: str = ""
    severity: str = ""


#: In order of precedence, as `decide` checks them.
STATES: dict[MigrationState, StateText] = {
    MigrationState.UNKNOWN: StateText(
        level="unknown",
        title="The state of the migration is not known",
        meaning="The exporter cannot read Liquibase's tables, or the last run left the same traces "
        "as a failure and as a success: the state's reason shows which.",
        steps="Grant what is missing (sql/grants.sql). If another session holds a lock on the "
        "tables, find that session (pg_locks) before you do anything else. If the outcome of a run "
        "is not known, read Liquibase's output; `pg-migration-exporter ack` if it succeeded.",
        moving="Not known",
        worked="Not known",
        color="#404040",
        number=6,
        runbook="MigrationStateUnknown",
        severity="warning",
    ),
    MigrationState.NOT_INITIALISED: StateText(
        level="info",
        title="This database has never been migrated",
        meaning="The database has no Liquibase tables, or no changeset is recorded in them: it was "
        "never migrated, or the tables were dropped.",
        steps="Before the first migration, nothing. Otherwise check that this is the right "
        "database, and whether somebody ran drop-all.",
        moving="Nothing is running",
        worked="Never run",
        color="#808080",
        number=0,
    ),
    MigrationState.STALE_LOCK: StateText(
        level="critical",
        title="The migration died and left its lock",
        meaning="The lock is held, but the session that took it is gone: the run was killed or "
        "lost its connection. Every further run waits for this lock in vain.",
        steps="Check what the dead run left behind: recorded changesets, invalid indexes, partly "
        "created objects. Make sure that no Liquibase process is left on the host in LOCKEDBY, nor "
        "in a pod of that name. Then run `liquibase release-locks` and the update again. Never "
        "release the lock while an index build of that run is still in "
        "pg_stat_progress_create_index.",
        moving="No: its session is gone",
        worked="No",
        color="dark-orange",
        number=7,
        runbook="MigrationLockStale",
        severity="warning",
    ),
    MigrationState.RUNNING: StateText(
        level="info",
        title="A migration is running",
        meaning="A run holds the lock and its session is alive, or its wrapper reports that it has "
        "not ended.",
        steps="Let it work. If it is blocked, find the blocking session "
        "(postgres_blocking_sessions, pg_locks) and end that session rather than the migration. Do "
        "not kill an index build to save time.",
        moving="It is running",
        worked="Not over yet",
        color="blue",
        number=3,
        runbook="DatabaseMigrationInProgress",
        severity="none",
    ),
    MigrationState.FAILED: StateText(
        level="critical",
        title="The migration failed",
        meaning="The last run failed. Changesets before the failed one are applied; the failed one "
        "and those after it are not. The state stays until a run applies what is pending, a "
        "rollback, or `pg-migration-exporter ack`. If the failure is inferred, the run may also "
        "have left changesets out on purpose, as update-count and update-to-tag do.",
        steps="Read the reason in Liquibase's output. Drop an invalid index that the run left "
        "behind. Fix the cause and run the update again, or roll back to the last tag. Run "
        "`pg-migration-exporter ack` if the failure is known and can wait, or if the run left "
        "changesets out on purpose; under `pg-migration-exporter run`, such a run does not count "
        "as failed.",
        moving="No: it has ended",
        worked="No",
        color="red",
        number=8,
        runbook="DatabaseMigrationFailed",
        severity="critical",
    ),
    MigrationState.DRIFTED: StateText(
        level="attention",
        title="The changelog files are not what ran",
        meaning="The SQL of a changeset in the files is not what ran: its checksum differs. The "
        "next update will refuse to start and change nothing.",
        steps="Undo the change to the old changeset and write a new one. Use validCheckSum or "
        "clear-checksums only if you are sure that the difference does not matter.",
        moving="Nothing is running",
        worked="Yes, but the next update will be refused",
        color="orange",
        number=5,
        runbook="MigrationDrifted",
        severity="warning",
    ),
    MigrationState.ROLLED_BACK: StateText(
        level="attention",
        title="The last run rolled changesets back",
        meaning="The last run removed changesets from the history.",
        steps="Check that the application works with the schema as it is now. If the rollback was "
        "intended, nothing else.",
        moving="Nothing is running",
        worked="It was rolled back",
        color="purple",
        number=4,
        runbook="MigrationRolledBack",
        severity="warning",
    ),
    MigrationState.PENDING: StateText(
        level="info",
        title="Changesets are pending",
        meaning="The changelog files contain changesets that have not run, and no run is under "
        "way.",
        steps="Run the update when it is due. If it should have run already, check for a pipeline "
        "that did not start, and for contexts and labels that differ from the exporter's "
        "configuration.",
        moving="Nothing is running",
        worked="Not all changesets have run yet",
        color="yellow",
        number=2,
        runbook="MigrationPendingLong",
        severity="warning",
    ),
    MigrationState.SUCCEEDED: StateText(
        level="ok",
        title="All is well: everything expected has run",
        meaning="The lock is free and everything that is known to be expected has run.",
        steps="Nothing. Without changelog files, the tables cannot show more than this.",
        moving="Nothing is running",
        worked="Yes",
        color="green",
        number=1,
        runbook="MigrationSucceeded",
        severity="info",
    ),
}

#: A run that waits for a lock of another session.
BLOCKED = replace(
    STATES[MigrationState.RUNNING],
    level="attention",
    title="The migration is blocked",
    moving="No: it is blocked",
    runbook="MigrationBlocked",
    severity="warning",
)
#: A failure that was not reported.
INFERRED = replace(
    STATES[MigrationState.FAILED], title="The migration seems to have failed", worked="It seems not"
)
#: Without changelog files, it is not known whether more changesets are expected.
UNCONFIRMED = replace(
    STATES[MigrationState.SUCCEEDED],
    title="Nothing is running, and no failure is known",
    worked="As far as the tables show",
)


def describe(state: MigrationState, source: Source, *, blocked: bool, inferred: bool) -> StateText:
    """Return the text of a state as it was decided; the arguments are those of a `Decision`."""
    if blocked:
        return BLOCKED
    if inferred and state is MigrationState.FAILED:
        return INFERRED
    if source == "database" and state is MigrationState.SUCCEEDED:
        return UNCONFIRMED
    return STATES[state]


def label(state: MigrationState, *, blocked: bool = False, inferred: bool = False) -> str:
    """Return a state in a few words: `running, blocked`."""
    return state.replace("_", " ") + ", blocked" * blocked + ", inferred" * inferred
