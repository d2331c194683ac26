"""Write-ahead log, its archive, checkpoints and the background writer.

All of it is one row for the whole server, hence one statement. PostgreSQL 17 moved checkpoints into
a view of their own, 18 the writes of WAL into pg_stat_io (PostgreSQL, "The Cumulative Statistics
System").
"""

from __future__ import annotations

from pg_migration_exporter.collectors.columns import age, families, select_list
from pg_migration_exporter.collectors.contract import Collector
from pg_migration_exporter.postgres.query import Query

_HELPS = {
    "wal_records_total": "WAL records generated.",
    "wal_full_page_images_total": "Full page images in the WAL generated.",
    "wal_bytes_total": "Bytes of WAL generated.",
    "wal_buffers_full_total": "Times that WAL was written because its buffers were full.",
    "wal_writes_total": "Writes of WAL buffers to disk.",
    "wal_syncs_total": "Syncs of WAL files to disk.",
    "wal_write_seconds_total": "Time spent writing WAL; absent without track_wal_io_timing.",
    "wal_sync_seconds_total": "Time spent syncing WAL; absent without track_wal_io_timing.",
    "archiver_archived_total": "WAL files archived.",
    "archiver_failed_total": "Failed attempts to archive a WAL file.",
    "archiver_last_archived_age_seconds": "Time since a WAL file was last archived; it grows on an "
    "idle server without archive_timeout.",
    "archiver_last_failed_age_seconds": "Time since archiving last failed; absent if it never did.",
    "archiver_failing": "1 if the latest attempt to archive failed, 0 if not; absent where nothing "
    "is archived.",
    "archiver_behind_bytes": "WAL written since the end of the file archived last: what a recovery "
    "from the archive alone would lose. Absent on a standby and before the first file.",
    "checkpoints_timed_total": "Checkpoints because checkpoint_timeout was over; from PostgreSQL "
    "17 on also those skipped because nothing was written.",
    "checkpoints_requested_total": "Checkpoints requested: by max_wal_size, a command or a backup.",
    "checkpoint_write_seconds_total": "Time that checkpoints and restartpoints spent writing.",
    "checkpoint_sync_seconds_total": "Time that checkpoints and restartpoints spent syncing.",
    "checkpoint_buffers_written_total": "Buffers written by checkpoints and restartpoints.",
    "checkpoint_last_age_seconds": "Time since the latest complete checkpoint began; on a standby, "
    "the one of its latest restartpoint.",
    "restartpoints_timed_total": "Restartpoints on a standby because checkpoint_timeout was over.",
    "restartpoints_requested_total": "Restartpoints on a standby that were requested.",
    "restartpoints_done_total": "Restartpoints on a standby that were done.",
    "bgwriter_buffers_cleaned_total": "Buffers written by the background writer.",
    "bgwriter_stops_total": "Times that the background writer stopped at bgwriter_lru_maxpages.",
    "bgwriter_buffers_allocated_total": "Buffers allocated.",
}

_TIMED = "case when current_setting('track_wal_io_timing')::bool then {} / 1000 end"
_IS_ARCHIVING = "current_setting('archive_mode') <> 'off'"
_FAILED_LAST = "a.last_failed_time > coalesce(a.last_archived_time, '-infinity')"

#: A file is named after its timeline, the upper half of its position, and its number in it.
_END_OF_ARCHIVED = """(('x' || substr(a.last_archived_wal, 9, 8))::bit(32)::int8 * 4294967296
             + (('x' || substr(a.last_archived_wal, 17, 8))::bit(32)::int8 + 1)
               * pg_size_bytes(current_setting('wal_segment_size')))"""
_BEHIND = f"""case when not pg_is_in_recovery() and {_IS_ARCHIVING}
             and a.last_archived_wal ~ '^[0-9A-F]{{24}}'
            then greatest(pg_current_wal_lsn() - '0/0' - {_END_OF_ARCHIVED}, 0)::float8 end"""

_ALWAYS = {
    "wal_records_total": "w.wal_records",
    "wal_full_page_images_total": "w.wal_fpi",
    "wal_bytes_total": "w.wal_bytes::float8",
    "wal_buffers_full_total": "w.wal_buffers_full",
    "archiver_archived_total": "a.archived_count",
    "archiver_failed_total": "a.failed_count",
    "archiver_last_archived_age_seconds": age("a.last_archived_time"),
    "archiver_last_failed_age_seconds": age("a.last_failed_time"),
    "archiver_failing": f"case when {_IS_ARCHIVING} then coalesce({_FAILED_LAST}, false)::int4 end",
    "archiver_behind_bytes": _BEHIND,
    "checkpoint_last_age_seconds": age("k.checkpoint_time"),
    "bgwriter_buffers_cleaned_total": "b.buffers_clean",
    "bgwriter_stops_total": "b.maxwritten_clean",
    "bgwriter_buffers_allocated_total": "b.buffers_alloc",
}
_WAL_WRITES = {
    140000: {
        "wal_writes_total": "w.wal_write",
        "wal_syncs_total": "w.wal_sync",
        "wal_write_seconds_total": _TIMED.format("w.wal_write_time"),
        "wal_sync_seconds_total": _TIMED.format("w.wal_sync_time"),
    },
    180000: {
        "wal_writes_total": "i.writes",
        "wal_syncs_total": "i.fsyncs",
        "wal_write_seconds_total": _TIMED.format("i.write_time"),
        "wal_sync_seconds_total": _TIMED.format("i.fsync_time"),
    },
}
_CHECKPOINTS = {
    140000: {
        "checkpoints_timed_total": "b.checkpoints_timed",
        "checkpoints_requested_total": "b.checkpoints_req",
        "checkpoint_write_seconds_total": "b.checkpoint_write_time / 1000",
        "checkpoint_sync_seconds_total": "b.checkpoint_sync_time / 1000",
        "checkpoint_buffers_written_total": "b.buffers_checkpoint",
    },
    170000: {
        "checkpoints_timed_total": "c.num_timed",
        "checkpoints_requested_total": "c.num_requested",
        "checkpoint_write_seconds_total": "c.write_time / 1000",
        "checkpoint_sync_seconds_total": "c.sync_time / 1000",
        "checkpoint_buffers_written_total": "c.buffers_written",
        "restartpoints_timed_total": "c.restartpoints_timed",
        "restartpoints_requested_total": "c.restartpoints_req",
        "restartpoints_done_total": "c.restartpoints_done",
    },
}
_VIEWS = {
    140000: "pg_stat_wal w, pg_stat_archiver a, pg_stat_bgwriter b, pg_control_checkpoint() k",
    170000: ", pg_stat_checkpointer c",
    180000: """,
       (select sum(writes)::int8 as writes, sum(write_time) as write_time,
               sum(fsyncs)::int8 as fsyncs, sum(fsync_time) as fsync_time
          from pg_stat_io where object = 'wal') i""",
}


def _variant(version: int) -> str:
    """Return the statement for servers from `version` on."""
    changes = [change for change in _VIEWS if change <= version]
    expressions = dict(_ALWAYS)
    for change in changes:
        expressions |= _WAL_WRITES.get(change, {}) | _CHECKPOINTS.get(change, {})
    views = "".join(_VIEWS[change] for change in changes)
    return f"\nselect {select_list('postgres', expressions)}\n  from {views}\n"


WAL: Collector[None] = Collector(
    name="wal",
    help="WAL, its archive, checkpoints and the background writer.",
    sources=(
        "pg_stat_wal",
        "pg_stat_archiver",
        "pg_stat_checkpointer",
        "pg_stat_bgwriter",
        "pg_stat_io",
        "pg_control_checkpoint()",
    ),
    families=families("postgres", (), _HELPS),
    queries=(Query({version: _variant(version) for version in _VIEWS}),),
    level="server",
)
