"""The series of the servers of the quiet week."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from pg_migration_exporter.config.verdict import VerdictSection
from pg_migration_exporter.metrics.families import BUCKET_LABEL
from tests.bundle.quiet_times import (
    DAY,
    FAST,
    WEEK,
    baseline,
    is_between,
    is_dumped,
    is_released,
    is_vacuumed,
    load,
    statements,
)

_DB = 'datname="game"'
_LOG = f'{_DB}, changelog="public.databasechangelog"'

#: The value of a gauge at a minute; None where there is no series.
Gauge = Callable[[int], float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """A series of a target; a counter's `value` is its growth in that minute."""

    name: str
    value: Gauge
    is_counter: bool = False
    #: Whether the counter starts at 0 with the exporter's process.
    is_own: bool = False


def _exporter() -> Iterator[Series]:
    """The exporter itself, the same for each server."""
    for name, value in {
        "up": 1,
        "postgres_up": 1,
        "scrape_duration_seconds": 0.3,
        "postgres_start_time_seconds": 1e9,
        "migration_exporter_databases_left_out": 0,
        "migration_exporter_watch_age_seconds": 0.5,
        "migration_exporter_state_stored": 1,
        "migration_exporter_superuser": 0,
        "migration_exporter_config_reload_success": 1,
        f"migration_exporter_database_up{{{_DB}}}": 1,
        'migration_verdict{verdict="go"}': 1,
        "postgres_replication_timeline": 1,
    }.items():
        yield Series(name, constant(value))
    for name in VerdictSection().collectors:
        yield Series(f'migration_exporter_collector_success{{collector="{name}"}}', lambda _: 1)


def constant(value: float) -> Gauge:
    return lambda _: value


def _in_state(is_running: bool) -> Gauge:
    return lambda at: int(is_released(at) is is_running)


def _migrations() -> Iterator[Series]:
    for status, holds in {"running": True, "succeeded": False}.items():
        name = f'liquibase_migration_status{{{_LOG}, status="{status}"}}'
        yield Series(name, _in_state(holds))
    yield Series(
        f'liquibase_runs_total{{{_LOG}, outcome="succeeded"}}',
        lambda at: int(is_released(at - 1) and not is_released(at)),
        is_counter=True,
    )
    yield Series(f'liquibase_runs_total{{{_LOG}, outcome="failed"}}', lambda _: 0, is_counter=True)
    yield Series(f"liquibase_changesets_pending{{{_LOG}}}", lambda at: int(is_released(at)))
    yield Series(
        f"liquibase_run_duration_seconds{{{_LOG}}}",
        lambda at: at % 90 * 60 if is_released(at) else None,
    )
    # Each statement waits for a moment.
    yield Series(
        f"liquibase_migration_blocked{{{_LOG}}}", lambda at: int(is_released(at) and at % 90 == 1)
    )
    yield Series(
        f"postgres_migration_blocked_sessions{{{_DB}}}",
        lambda at: 2 * (is_released(at) and at % 90 == 1),
    )
    for name, value in {"drifted": 0, "unexpected": 0}.items():
        yield Series(f"liquibase_changesets_{name}{{{_LOG}}}", constant(value))
    for name in ("liquibase_tag_present", "liquibase_changelog_readable"):
        yield Series(f"{name}{{{_LOG}}}", lambda _: 1)


def _statements_of_game() -> Iterator[Series]:
    labels = f'{_DB}, source="statements"'
    for bound in FAST:
        yield Series(
            f'postgres_query_duration_seconds_bucket{{{labels}, {BUCKET_LABEL}="{bound}"}}',
            partial(statements, bound),
            is_counter=True,
            is_own=True,
        )
    yield Series(
        f"postgres_query_duration_seconds_count{{{labels}}}",
        partial(statements, "+Inf"),
        is_counter=True,
        is_own=True,
    )
    yield Series(
        f'migration_baseline_query_duration_seconds{{{_DB}, group="all", quantile="0.95"}}',
        baseline,
    )


def _sessions() -> Iterator[Series]:
    """A dump is one long transaction, and at 300 transactions a second an old horizon."""
    yield Series(
        f"postgres_transaction_oldest_seconds{{{_DB}}}",
        lambda at: (at % DAY - 119) * 60 if is_dumped(at) else 40,
    )
    yield Series(
        f"postgres_active_query_oldest_seconds{{{_DB}}}",
        lambda at: (at % DAY - 119) * 60 if is_dumped(at) else 20,
    )
    yield Series(
        f"postgres_xmin_horizon_age{{{_DB}}}",
        lambda at: (at % DAY - 119) * 300_000 if is_dumped(at) else 5000,
    )
    yield Series(
        'postgres_operation_duration_seconds{datname="game", operation="COPY TO"}',
        lambda at: at % 10 * 60 if is_dumped(at) else None,
    )
    yield Series(
        f"postgres_idle_in_transaction_seconds{{{_DB}}}", lambda at: 90 if at % 50 == 0 else 1
    )
    yield Series(
        f"postgres_lock_wait_longest_seconds{{{_DB}}}", lambda at: 45 if is_vacuumed(at) else at % 7
    )
    yield Series(f"postgres_advisory_lock_wait_longest_seconds{{{_DB}}}", lambda at: at * 60.0)
    yield Series(
        'postgres_connection_pool_utilization{pool_type="server", pool="all"}',
        lambda at: 0.3 + load(at) / 1250,
    )
    yield Series(
        f'postgres_connections{{{_DB}, usename="app", state="active"}}', lambda at: load(at) / 50
    )
    yield Series("postgres_lock_table_entries", lambda at: 3000 if is_dumped(at) else 400)
    yield Series("postgres_lock_table_limit", lambda _: 6400)
    for name, rate in {"commits": 1.0, "rollbacks": 0.01}.items():
        yield Series(
            f"postgres_database_{name}_total{{{_DB}}}",
            partial(_transactions, rate),
            is_counter=True,
        )
    yield Series(f"postgres_database_deadlocks_total{{{_DB}}}", lambda _: 0, is_counter=True)
    yield Series("pgbouncer_up", lambda _: 1)
    pool = '{database="game", user="app"}'
    yield Series(f"pgbouncer_pools_client_waiting_connections{pool}", lambda at: at % 3)
    yield Series(f"pgbouncer_pools_client_maxwait_seconds{pool}", lambda at: 0.2 * (at % 3))


def _transactions(rate: float, minute: int) -> float:
    """A dump meets 5,000 transactions a second."""
    return 60 * load(minute) * rate * (100 if is_dumped(minute) else 1)


def _storage() -> Iterator[Series]:
    table = f'{_DB}, schemaname="public", relname="quests"'
    for kind, share in {"table": 0.02, "index": 0.002}.items():
        for what in ("hit", "read"):
            yield Series(
                f"postgres_{kind}_blocks_{what}_total{{{table}}}",
                partial(_blocks, share, what),
                is_counter=True,
            )
    yield Series("postgres_checkpoints_timed_total", lambda at: int(at % 5 == 0), is_counter=True)
    yield Series(
        "postgres_checkpoints_requested_total",
        lambda at: int(is_vacuumed(at) and at % 10 == 0),
        is_counter=True,
    )
    yield Series("postgres_checkpoint_last_age_seconds", lambda at: at % 5 * 60)
    yield Series("postgres_archiver_last_archived_age_seconds", lambda at: at % 2 * 50)
    yield Series("postgres_archiver_behind_bytes", lambda at: load(at) * 10_000)
    yield Series("postgres_archiver_failing", lambda _: 0)
    for name, value in {
        "archive_timeout": 60,
        "wal_segment_size": 2**24,
        "autovacuum_freeze_max_age": 2e8,
        "autovacuum_multixact_freeze_max_age": 4e8,
    }.items():
        yield Series(f'postgres_setting{{name="{name}"}}', constant(value))
    yield Series("postgres_base_backup_age_seconds", lambda at: (at % DAY + DAY - 60) % DAY * 60.0)
    yield Series(f"postgres_database_wraparound_ratio{{{_DB}}}", lambda at: 0.05 + at / WEEK / 20)
    # Autovacuum is busy elsewhere in the afternoon.
    for name in ("vacuum", "analyze"):
        yield Series(f"postgres_{name}_tables_due{{{_DB}}}", lambda at: 2 * is_between(at, 13, 17))
    yield Series(f"postgres_table_bloat_ratio{{{table}}}", lambda at: 0.1 + at % 600 / 6000)
    yield Series(f"postgres_table_size_bytes{{{table}}}", lambda _: 2e9)
    yield Series(
        f'postgres_sequence_used_ratio{{{_DB}, schemaname="public", sequencename="ids"}}',
        lambda at: 0.2 + at / WEEK / 50,
    )
    yield Series(
        f"postgres_database_checksum_failures_total{{{_DB}}}", lambda _: 0, is_counter=True
    )


def _blocks(share: float, what: str, minute: int) -> float:
    """A dump reads all tables, but few indexes; so does the vacuum."""
    is_cold = share > 0.01 and (is_dumped(minute) or (is_vacuumed(minute) and minute % 60 < 40))
    read = 60 * load(minute) * 20 * share + (50_000 if is_cold else 0)
    return read if what == "read" else 60 * load(minute) * 20


def _replication() -> Iterator[Series]:
    standby = 'replica="standby1"'
    yield Series("postgres_replication_standbys", constant(2))
    yield Series(
        f"postgres_replication_lag_seconds{{{standby}}}",
        lambda at: 20 * (at % 61 == 0) + 1,
    )
    yield Series(
        f'postgres_replication_standby_info{{{standby}, kind="physical"}}',
        constant(1),
    )
    slot = 'slot_name="standby1", slot_type="physical"'
    yield Series(f"postgres_replication_slot_active{{{slot}}}", constant(1))
    yield Series(f"postgres_replication_slot_retained_bytes{{{slot}}}", lambda at: load(at) * 1e6)
    for name in ("synchronous_standbys", "synchronous_required"):
        yield Series(f"postgres_replication_{name}", lambda _: 0)


def primary() -> Iterator[Series]:
    yield Series('postgres_info{role="primary"}', lambda _: 1)
    for part in (_exporter, _migrations, _statements_of_game, _sessions, _storage, _replication):
        yield from part()


def _slow_check(bound: str, minute: int) -> float:
    return int(minute % 60 == 0 and bound == "+Inf")


def idle() -> Iterator[Series]:
    """Nobody uses it; a health check is slow once an hour, and a snapshot is not archived."""
    yield Series('postgres_info{role="primary"}', lambda _: 1)
    yield from _exporter()
    labels = f'{_DB}, source="statements"'
    for bound in FAST:
        yield Series(
            f'postgres_query_duration_seconds_bucket{{{labels}, {BUCKET_LABEL}="{bound}"}}',
            partial(_slow_check, bound),
            is_counter=True,
        )
    yield Series(
        f'postgres_query_duration_seconds_count{{{_DB}, source="statements"}}',
        lambda at: int(at % 60 == 0),
        is_counter=True,
    )
    yield Series("postgres_archiver_last_archived_age_seconds", lambda at: at * 60.0)
    yield Series("postgres_archiver_behind_bytes", lambda _: 96)
    yield Series('postgres_setting{name="archive_timeout"}', lambda _: 60)
    yield Series("postgres_checkpoint_last_age_seconds", lambda at: at * 60.0)


def delayed() -> Iterator[Series]:
    yield Series('postgres_info{role="standby"}', lambda _: 1)
    yield from _exporter()
    yield Series("postgres_replication_apply_delay_seconds", lambda _: 3600)
    yield Series('postgres_replication_lag_seconds{replica="self"}', lambda at: 3601 + at % 20)
    yield Series("postgres_replication_wal_receiver_up", lambda _: 1)
    yield Series("postgres_replication_replay_paused", lambda _: 0)


def log_pipeline() -> Iterator[Series]:
    """Its server is the idle one: it logs nothing."""
    yield Series("up", lambda _: 1)
    yield Series(
        'fluentbit_input_records_total{name="postgresql_log"}', lambda _: 0, is_counter=True
    )
