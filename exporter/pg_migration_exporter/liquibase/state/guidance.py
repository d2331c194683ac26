"""What each state means and what to do: the one text for `explain`, pages and the documentation."""

from __future__ import annotations

from dataclasses import dataclass

from pg_migration_exporter.liquibase.state.decide import MigrationState


@dataclass(frozen=True, slots=True)
class Guidance:
    """For someone on call: what a state means, and the next steps."""

    meaning: str
    steps: str


GUIDANCE: dict[MigrationState, Guidance] = {
    MigrationState.UNKNOWN: Guidance(
        "The exporter cannot read Liquibase's tables, so it does not know.",
        "Grant what is missing (sql/grants.sql). If another session holds a lock on the tables, "
        "look who does (pg_locks) before you do anything else.",
    ),
    MigrationState.NOT_INITIALISED: Guidance(
        "The database has no Liquibase tables: never migrated, or all was dropped.",
        "Nothing, before the first migration. Otherwise check that this is the right database, and "
        "whether somebody ran drop-all.",
    ),
    MigrationState.STALE_LOCK: Guidance(
        "The lock is held, and the session that took it is gone: the run was killed or lost its "
        "connection. Every further run waits for this lock in vain.",
        "Look what the dead run left: changesets recorded, invalid indexes, half-made objects. Be "
        "sure that no Liquibase process lives on the host in LOCKEDBY and no pod of it. Then "
        "`liquibase release-locks`, and run the update again. Never release the lock while an "
        "index build of that run is still in pg_stat_progress_create_index.",
    ),
    MigrationState.RUNNING: Guidance(
        "A run holds the lock and its session is alive, or its wrapper says that it has not ended.",
        "Let it work. If it is blocked, see who blocks it (postgres_blocking_sessions, pg_locks) "
        "and end that session rather than the migration. Do not kill an index build to hurry.",
    ),
    MigrationState.FAILED: Guidance(
        "The last run failed. Changesets before the failed one are in force, it and those after it "
        "are not. The state stays until the next run starts or the failure is acknowledged. Where "
        "the failure is inferred, the run may also have been told to leave changesets out, as by "
        "update-count or update-to-tag.",
        "Read Liquibase's output for the reason. Drop an invalid index that it left. Mend the "
        "cause and run the update again, or roll back to the last tag. `pg-migration-exporter ack` "
        "if the failure is known and shall wait, or if the run left changesets out on purpose; "
        "under `pg-migration-exporter run` it is not taken for failed.",
    ),
    MigrationState.DRIFTED: Guidance(
        "The SQL of a changeset in the files is not what ran: its checksum differs. The next "
        "update refuses to start and touches nothing.",
        "Take the change to the old changeset back and write a new one. Use validCheckSum or "
        "clear-checksums only if the difference is known to mean nothing.",
    ),
    MigrationState.ROLLED_BACK: Guidance(
        "The last run took changesets back out of the history.",
        "Check that the application fits the schema as it is now. Nothing, if it was meant.",
    ),
    MigrationState.PENDING: Guidance(
        "The changelog files hold changesets that have not run, and no run is under way.",
        "Run the update when it is due. If it should have run, look for a pipeline that did not "
        "start, or other contexts and labels than the exporter is configured with.",
    ),
    MigrationState.SUCCEEDED: Guidance(
        "The lock is free and everything that is known to be expected has run.",
        "Nothing. Without changelog files this is as much as the tables tell.",
    ),
}
