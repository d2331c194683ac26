"""Reasons from measurements: pools, waits, replication, transactions, latency."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pg_migration_exporter.collectors.index_builds import index_build_families as builds
from pg_migration_exporter.collectors.locks import lock_families as locks
from pg_migration_exporter.collectors.pools import POOL_UTILIZATION
from pg_migration_exporter.collectors.replication import LAG_SECONDS
from pg_migration_exporter.collectors.replication.senders import INFO, REQUIRED, SYNCHRONOUS
from pg_migration_exporter.collectors.replication.slots import STATUS as SLOT_STATUS
from pg_migration_exporter.collectors.replication.standby import APPLY_DELAY, SELF
from pg_migration_exporter.collectors.settings import SETTING
from pg_migration_exporter.collectors.transactions import IDLE, OLDEST, PREPARED
from pg_migration_exporter.collectors.wal import WAL
from pg_migration_exporter.formatting import count, duration, short_duration
from pg_migration_exporter.metrics.families import Family, Histogram
from pg_migration_exporter.status import runbooks
from pg_migration_exporter.status.judgement.reason import Reason
from pg_migration_exporter.status.judgement.situation import Situation
from pg_migration_exporter.status.model import VerdictName

_LATENCY = "DatabaseQueryLatencyHigh"
_SLOT = "PostgresReplicationSlotAtRisk"
_STANDBY = "PostgresSynchronousStandbyMissing"
_ARCHIVE = "PostgresArchiveBehind"
#: An idle server writes a snapshot of its running transactions, which no archive_timeout waits for.
_IDLE_BYTES = 512
_LAGS: tuple[tuple[str, VerdictName], ...] = (
    ("PostgresReplicationLagSevere", "abort"),
    ("PostgresReplicationLagElevated", "hold"),
)
_ARCHIVER = {family.name.removeprefix("postgres_archiver_"): family for family in WAL.families}


class _Limit(NamedTuple):
    """A value above the threshold of `reason` is one; `text` may use the labels and {value}."""

    reason: str
    verdict: VerdictName
    family: Family
    text: str
    show: Callable[[float], str] = duration


def _percent(ratio: float) -> str:
    return f"{ratio:.0%}"


def _sessions(number: float) -> str:
    return count(int(number), "session")


_POOL_TEXT = "Pool {pool} ({pool_type}) is {value} used"
_LIMITS = (
    _Limit("DatabaseConnectionPoolExhausted", "abort", POOL_UTILIZATION, _POOL_TEXT, _percent),
    _Limit(
        runbooks.BLOCKS_OTHERS,
        "abort",
        locks.MIGRATION_BLOCKED,
        "{value} wait behind the migration",
        _sessions,
    ),
    _Limit(
        runbooks.BUILD_BLOCKED,
        "hold",
        builds.BLOCKED,
        "The build of an index on {relname} has waited {value} for a transaction",
    ),
    _Limit(
        runbooks.INDEX_INVALID,
        "hold",
        builds.INVALID_AGE,
        "Index {schemaname}.{indexrelname} has been invalid for {value}",
    ),
    _Limit("PostgresConnectionPoolHigh", "hold", POOL_UTILIZATION, _POOL_TEXT, _percent),
    _Limit(
        "PostgresIdleInTransaction", "hold", IDLE, "A session has been idle in transaction {value}"
    ),
    _Limit("PostgresTransactionLong", "hold", OLDEST, "A transaction has been open for {value}"),
    _Limit(
        "PostgresPreparedTransactionOld",
        "hold",
        PREPARED,
        "A prepared transaction has been open for {value}",
    ),
)
NAMES = (
    *(limit.reason for limit in _LIMITS),
    *(name for name, _ in _LAGS),
    *(_LATENCY, _SLOT, _STANDBY, _ARCHIVE),
)


def measurements(now: Situation) -> Iterator[Reason]:
    """Yield a reason for each value above its threshold."""
    for limit in _LIMITS:
        yield from _above(limit, now)
    yield from _latency(now)
    yield from _replication(now)
    yield from _archive(now)


def _above(limit: _Limit, now: Situation) -> Iterator[Reason]:
    threshold = now.settings.verdict.thresholds.of(limit.reason)
    for labels, value in now.samples.rows(limit.family):
        if not isinstance(value, Histogram) and value > threshold:
            text = limit.text.format(**labels, value=limit.show(value))
            yield _measured(limit.verdict, limit.reason, text, _database(labels))


def _database(labels: Mapping[str, str]) -> str:
    """Return the database that a sample is about, nothing if it is about the server."""
    if labels.get("pool_type") == "database":
        return labels["pool"]
    return labels.get("datname", "")


def _latency(now: Situation) -> Iterator[Reason]:
    threshold = now.settings.verdict.thresholds.of(_LATENCY)
    for datname, seconds in now.latencies.items():
        if seconds > threshold:
            text = f"95 % of the statements take up to {short_duration(seconds)}"
            yield _measured("abort", _LATENCY, text, datname)


def _replication(now: Situation) -> Iterator[Reason]:
    """A slot that is lost is lost whatever the migration does: only one at risk is a reason."""
    for replica, seconds in _lags(now):
        for name, verdict in _LAGS:
            if seconds > now.settings.verdict.thresholds.of(name):
                text = f"Standby {replica} is {duration(seconds)} behind"
                yield _measured(verdict, name, text)
    for labels, is_status in now.samples.rows(SLOT_STATUS):
        if is_status and labels["status"] == "unreserved":
            text = f"The server may remove WAL that the slot {labels['slot_name']} needs"
            yield _measured("abort", _SLOT, text)
    have, required = now.samples.number(SYNCHRONOUS), now.samples.number(REQUIRED)
    if have is not None and required is not None and have < required:
        text = f"Commits wait: {have:g} of {required:g} synchronous standbys"
        yield _measured("abort", _STANDBY, text)


def _lags(now: Situation) -> Iterator[tuple[str, float]]:
    """Yield each physical standby and its lag in seconds, beyond the delay that is meant to be.

    The reader of a logical slot confirms when it likes.
    """
    logical = {
        labels["replica"] for labels, _ in now.samples.rows(INFO) if labels["kind"] == "logical"
    }
    delay = now.samples.number(APPLY_DELAY) or 0.0
    for labels, seconds in now.samples.rows(LAG_SECONDS):
        if labels["replica"] not in logical and not isinstance(seconds, Histogram):
            yield labels["replica"], seconds - (delay if labels["replica"] == SELF else 0.0)


def _archive(now: Situation) -> Iterator[Reason]:
    """Without archive_timeout, a file is archived when it is full."""
    age = now.samples.number(_ARCHIVER["last_archived_age_seconds"]) or 0.0
    behind = now.samples.number(_ARCHIVER["behind_bytes"]) or 0.0
    timeout = now.samples.number(SETTING, name="archive_timeout")
    is_full = behind >= (now.samples.number(SETTING, name="wal_segment_size") or 0.0)
    is_due = age > now.settings.verdict.thresholds.of(_ARCHIVE) + (timeout or 0.0)
    if is_due and behind > _IDLE_BYTES and (is_full or timeout != 0):
        text = f"WAL was last archived {duration(age)} ago"
        yield _measured("hold", _ARCHIVE, text)


def _measured(verdict: VerdictName, name: str, text: str, datname: str = "") -> Reason:
    return Reason(verdict, name, text, datname, is_measured=True)
