"""Reasons to hold because there is no answer: never go without one."""

from __future__ import annotations

from collections.abc import Iterator

from pg_migration_exporter.formatting import count, duration
from pg_migration_exporter.status import runbooks
from pg_migration_exporter.status.judgement.reason import Reason
from pg_migration_exporter.status.judgement.situation import Situation

NO_ANSWER = "NoAnswer"
CONNECTION_LIMIT = "ExporterConnectionLimit"
UNREACHABLE = "MigrationDatabaseUnreachable"
LEFT_OUT = "MigrationDatabasesLeftOut"
NAMES = (
    NO_ANSWER,
    CONNECTION_LIMIT,
    UNREACHABLE,
    LEFT_OUT,
    runbooks.DOWN,
    runbooks.BLIND,
    runbooks.LEFT_OUT,
    runbooks.WATCHER_STALE,
)
#: PostgreSQL's message (utils/init/miscinit.c) when a role has used up its CONNECTION LIMIT. libpq
#: gives no SQLSTATE for a refused connection.
_ROLE_LIMIT = "too many connections for role"
#: Seconds until the watcher must have polled once.
_FIRST_POLL_SECONDS = 30.0


def blindness(now: Situation) -> Iterator[Reason]:
    """Yield why the state of the server, or of a part of it, is not known."""
    if now.reached is None:
        yield _unknown(NO_ANSWER, "No scrape has completed yet", lingers=False)
        return
    yield from _limited(now)
    if not now.reached:
        yield from _down(now)
        return
    yield from _unreached_databases(now)
    yield from _unread_histories(now)
    yield from _silent(now)
    yield from _watcher(now)


def _unknown(name: str, text: str, datname: str = "", *, lingers: bool = True) -> Reason:
    return Reason("hold", name, text, datname, lingers=lingers, needs_answer=False)


def _down(now: Situation) -> Iterator[Reason]:
    """Yield that the server does not answer, unless all that it says is that limit."""
    if _ROLE_LIMIT not in now.problem:
        problem = now.problem.strip().partition("\n")[0]
        yield _unknown(runbooks.DOWN, f"PostgreSQL does not answer: {problem}")


def _limited(now: Situation) -> Iterator[Reason]:
    """Yield that the exporter's own role has no connection left: others may be well."""
    if any(_ROLE_LIMIT in failure for failure in now.failures):
        text = "The exporter's role has used up its CONNECTION LIMIT (sql/grants.sql)"
        yield _unknown(CONNECTION_LIMIT, text)


def _unreached_databases(now: Situation) -> Iterator[Reason]:
    for datname, answered in now.databases.items():
        if not answered:
            yield _unknown(UNREACHABLE, f"Database {datname} does not answer", datname)
    if now.left_out:
        text = f"{count(now.left_out, 'database')} beyond databases.limit: not watched"
        yield _unknown(LEFT_OUT, text)


def _unread_histories(now: Situation) -> Iterator[Reason]:
    """A history that is too large to be read has a state, `unknown`, which is a reason itself."""
    for datname, number in now.unread.items():
        found = "1 history" if number == 1 else f"{number:,} histories"
        text = f"{found} beyond limits.histories: not read"
        yield Reason("hold", runbooks.LEFT_OUT, text, datname)


def _silent(now: Situation) -> Iterator[Reason]:
    needed = [name for name in now.settings.verdict.collectors if name in now.silent]
    if needed:
        first, others = needed[0], needed[1:]
        more = f", and {count(len(others), 'other')}" if others else ""
        text = f"No data from the collector {first}{more}: {now.silent[first]}"
        yield _unknown(runbooks.BLIND, text)


def _watcher(now: Situation) -> Iterator[Reason]:
    age = now.watch_age
    limit = now.settings.verdict.thresholds.of(runbooks.WATCHER_STALE)
    if age is None and now.settings.watch.enabled and now.age < _FIRST_POLL_SECONDS:
        yield _unknown(NO_ANSWER, "The watcher has not polled yet", lingers=False)
    elif age is None:
        yield _unknown(runbooks.WATCHER_STALE, "The watcher does not poll")
    elif age > limit:
        text = f"The watcher has not polled for {duration(age)}"
        yield _unknown(runbooks.WATCHER_STALE, text)
