"""The way back: the archive of the WAL, and the newest base backup."""

from __future__ import annotations

from pg_migration_exporter.formatting import duration
from pg_migration_exporter.gate.check import BuiltIn, Evidence, Finding, failed, passed, unknown
from pg_migration_exporter.gate.reasons import by_reasons
from pg_migration_exporter.postgres.capabilities import MONITOR
from pg_migration_exporter.postgres.query import Query

_ARCHIVE = Query(
    """
select current_setting('archive_mode') as mode,
       current_setting('archive_timeout')::interval > interval '0'
       and current_setting('archive_timeout')::interval <= $1::text::interval as is_switched,
       last_failed_time is not null
       and last_failed_time > coalesce(last_archived_time, '-infinity') as is_failing,
       coalesce(last_failed_wal, '') as failed_wal,
       greatest(extract(epoch from clock_timestamp() - last_archived_time), 0)::float8 as age
  from pg_stat_archiver
""",
    on="primary",
)
#: Each base backup of a primary leaves its history file, and the next one removes it (PostgreSQL,
#: src/backend/access/transam/xlog.c, do_pg_backup_stop).
_BASE_BACKUP = Query(
    r"""
select greatest(extract(epoch from clock_timestamp() - max(modification)), 0)::float8 as age
  from pg_ls_waldir() where name ~ '^[0-9A-F]{24}\.[0-9A-F]{8}\.backup$'
"""
)


def _archive(evidence: Evidence) -> Finding:
    [row] = evidence.rows
    limit = evidence.profile.limits.archive_delay
    if row["mode"] == "off":
        return failed("archive_mode is off")
    if row["is_failing"]:
        return failed(f"the last attempt to archive failed: {row['failed_wal']}")
    if row["age"] is None:
        return failed("nothing has been archived since the statistics were reset")
    text = f"a segment was archived {duration(row['age'])} ago"
    if row["age"] <= limit:
        return passed(text)
    if row["is_switched"]:
        return passed(f"{text}; archive_timeout archives what is written in {duration(limit)}")
    return failed(f"{text}, and archive_timeout is not within {duration(limit)}")


def _base_backup(evidence: Evidence) -> Finding:
    [row] = evidence.rows
    if row["age"] is None:
        return unknown(
            "no history file of a base backup in pg_wal: none was taken, or from a standby, or by "
            "a snapshot of the disk"
        )
    limit = evidence.profile.limits.base_backup_age
    text = f"the newest is {duration(row['age'])} old"
    return passed(text) if row["age"] <= limit else failed(f"{text}, {duration(limit)} at most")


RECOVERY = (
    BuiltIn(
        name="archive_is_fresh",
        phases=("pre",),
        severity="critical",
        summary="WAL is archived, so that a recovery to a point in time loses minutes at most.",
        remedy="Set archive_mode, archive_command and archive_timeout; see in the server's log why "
        "the command fails.",
        judge=by_reasons(_archive),
        query=_ARCHIVE,
        parameters=lambda profile: (f"{profile.limits.archive_delay:g} seconds",),
        reasons=("PostgresArchiveBehind",),
        runbook="PostgresArchiveBehind",
    ),
    BuiltIn(
        name="base_backup_is_fresh",
        phases=("pre",),
        severity="critical",
        summary="The newest base backup is fresh.",
        remedy="Take a base backup. If your backups leave no trace in the primary, put this check "
        "under `skip` of the profile, and check them where they are.",
        judge=_base_backup,
        query=_BASE_BACKUP,
        requires=MONITOR,
    ),
)
