"""One persistent connection, in libpq's pipeline mode.

Statements are sent at once and their results arrive in order. Each is followed by its own Sync, so
that all statements of one iteration of the event loop cost one round trip and an error affects only
its statement (PostgreSQL, "Pipeline Mode"). psycopg's `Pipeline.sync()` waits for the results and
raises the first error, so this uses `psycopg.pq.PGconn` directly.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
from psycopg import pq

from pg_migration_exporter.postgres.budget import ReceivedBytes, too_many_bytes
from pg_migration_exporter.postgres.rows import KEEP_ANY_BYTES, Rows, read_rows
from pg_migration_exporter.postgres.statement import BEGIN, CLEAN, END, Statement, set_timeout

#: Ends the text of every statement, to distinguish the exporter's own from others.
MARK = "/* pg-migration-exporter */"

_BINARY = pq.Format.BINARY
#: Seconds.
_CANCEL_TIMEOUT = 5.0
_OK = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
#: "cached plan must not change result type", "prepared statement does not exist".
_MUST_BE_PREPARED_AGAIN = ("0A000", "26000")


class SessionLostError(psycopg.OperationalError):
    """The connection broke, or was closed, before the result arrived."""


class _Step(NamedTuple):
    """A message with a result of its own: it prepares `sql`, or runs it."""

    sql: str
    prepares: bool


@dataclass(slots=True)
class _Pending:
    """What was sent up to one Sync: its steps, and the future of the last one's result.

    `answered` is how many steps have succeeded.
    """

    steps: list[_Step]
    future: asyncio.Future[pq.abc.PGresult]
    answered: int = 0
    result: pq.abc.PGresult | None = None
    failure: pq.abc.PGresult | None = None
    is_too_large: bool = False


class Session:
    """One connection: `query` from any number of tasks, then `close`.

    With `before_each`, a statement that runs before each one in the same transaction, nothing
    depends on the session of the server: no statement is prepared (see `postgres.pooler`).
    """

    def __init__(
        self,
        connection: psycopg.AsyncConnection[Any],
        before_each: str | None = None,
        *,
        is_superuser: bool = False,
    ) -> None:
        #: Whether its role was a superuser when it was opened.
        self.is_superuser = is_superuser
        self._before_each = [] if before_each is None else [Statement(before_each)]
        self._connection = connection
        self._pgconn = connection.pgconn
        self._descriptor = self._pgconn.socket
        self._received = ReceivedBytes(self._descriptor)
        #: Requests to cancel statements whose answers are too large.
        self._stopping: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._pending: deque[_Pending] = deque()
        self._prepared: dict[str, bytes] = {}
        self._prepared_count = 0
        self._flush_scheduled = False
        #: Cancel requests that the server may still act on.
        self._unanswered_cancels = 0
        #: When the last cancel request ended, `inf` during one (time.monotonic).
        self._cancelled_at = -math.inf
        self._closed = False
        #: Why it is closed as soon as it is idle; empty if it is not.
        self._retired = ""
        self._idle = asyncio.Event()
        self._idle.set()
        self._pgconn.enter_pipeline_mode()
        self._loop.add_reader(self._descriptor, self._on_readable)

    @property
    def is_open(self) -> bool:
        """False once the connection is closed or known to be broken."""
        return not self._closed

    @property
    def is_pooled(self) -> bool:
        """True if a connection pooler is between the exporter and the server."""
        return bool(self._before_each)

    @property
    def is_idle(self) -> bool:
        """True when every statement sent has its result."""
        return not self._pending

    async def query(
        self, sql: str, parameters: Sequence[str] = (), limit: int | None = None
    ) -> Rows:
        """Run one statement and return its rows, at most `limit`.

        `parameters` are sent as text for $1, $2, ... Raises psycopg.Error of the server's SQLSTATE,
        AnswerTooLargeError, or SessionLostError. A cancelled task leaves the statement running: see
        `cancel`.
        """
        statement = Statement(sql, parameters)
        return await self._answer(lambda: self._send([*self._before_each, statement]), limit)

    async def query_in_transaction(self, *statements: Statement) -> Rows:
        """Run statements in a read-only transaction of their own; return the rows of the last one.

        Its work is undone, so that nothing stays that a function may have set. A statement that
        fails leaves out those behind it. Raises what `query` raises.
        """
        return await self._answer(lambda: self._send_transaction(statements))

    async def query_untrusted(
        self, sql: str, timeout: float | None = None, limit: int | None = None
    ) -> Rows:
        """Run a statement that may call functions of others, in a transaction as above.

        `timeout` is a statement_timeout in seconds instead of the session's, `limit` the most rows
        to read. Advisory locks, which outlive the transaction, are released. If the statement has
        prepared others, which could stand for ours, or has deallocated ours, the connection is
        closed as soon as it is idle. Until then no statement is sent outside of a transaction:
        users' SQL runs after everything else.
        """
        if CLEAN.sql not in self._prepared and not self.is_pooled:
            self._send([CLEAN])  # its absence afterwards shows that ours were deallocated
        statements = [Statement(sql)]
        if timeout is not None:
            statements.insert(0, set_timeout(timeout))

        def send() -> asyncio.Future[pq.abc.PGresult]:
            future = self._send_transaction(statements)
            if not self.is_pooled:  # the next session may be another client's
                self._send([CLEAN]).add_done_callback(self._require(_is_clean))
            return future

        return await self._answer(send, limit)

    async def _answer(
        self, send: Callable[[], asyncio.Future[pq.abc.PGresult]], limit: int | None = None
    ) -> Rows:
        """Return the rows; again if the cancel request of an earlier statement may have hit it."""
        while True:
            sent_at = time.monotonic()
            try:
                return read_rows(await send(), limit)
            except psycopg.errors.QueryCanceled:
                if sent_at <= self._cancelled_at:
                    continue
                if not self._unanswered_cancels:
                    raise
                self._unanswered_cancels -= 1

    async def wait_until_idle(self) -> None:
        """Wait until every statement sent has its result, or the connection is lost."""
        await self._idle.wait()

    async def cancel(self, timeout: float) -> None:
        """Request the server to cancel all statements, until none is left or `timeout` is over.

        A request cancels one statement, and those sent after it still run: hence the loop. The
        server may act later, on any statement, on a request without a response: see `query`.
        """
        with contextlib.suppress(TimeoutError, psycopg.Error):
            async with asyncio.timeout(timeout):
                while not self.is_idle:
                    await self._request_cancel(timeout)
                    await asyncio.wait([asyncio.ensure_future(self.wait_until_idle())], timeout=0.1)

    async def _request_cancel(self, timeout: float) -> None:
        """Send one cancel request; its response arrives before the statement ends: see `query`."""
        self._unanswered_cancels += 1
        self._cancelled_at = math.inf
        try:
            await self._connection.cancel_safe(timeout=timeout)
            self._unanswered_cancels -= 1
        finally:
            self._cancelled_at = time.monotonic()

    async def close(self) -> None:
        """Close the connection; pending statements fail with SessionLostError."""
        for stopping in self._stopping:
            stopping.cancel()
        self._lose("the exporter closed the connection")

    def _send_transaction(self, statements: Sequence[Statement]) -> asyncio.Future[pq.abc.PGresult]:
        """Send them as a transaction: the Sync before its end lets it end after an error too."""
        future = self._send([*BEGIN, *self._before_each, *statements])
        self._send(END).add_done_callback(self._require(lambda _: True))
        return future

    def _require(
        self, is_met: Callable[[Rows], bool]
    ) -> Callable[[asyncio.Future[pq.abc.PGresult]], None]:
        """Return a callback that retires the session unless its answer is as expected."""

        def check(future: asyncio.Future[pq.abc.PGresult]) -> None:
            if future.cancelled() or future.exception() or not is_met(read_rows(future.result())):
                self._retire("a statement left something behind")

        return check

    def _send(self, statements: Sequence[Statement]) -> asyncio.Future[pq.abc.PGresult]:
        """Send statements up to one Sync; return the future of the last one's result."""
        future: asyncio.Future[pq.abc.PGresult] = self._loop.create_future()
        if not self.is_open:
            future.set_exception(SessionLostError("the connection is closed"))
            return future
        try:
            steps = [step for statement in statements for step in self._send_one(statement)]
            self._pgconn.pipeline_sync()
        except psycopg.OperationalError as error:
            self._lose(str(error))
            future.set_exception(SessionLostError(str(error)))
            return future
        self._pending.append(_Pending(steps, future))
        self._idle.clear()
        self._schedule_flush()
        return future

    def _send_one(self, statement: Statement) -> list[_Step]:
        """Send one statement, prepared unless the session is pooled; return its steps."""
        sql, values = (
            statement.sql,
            [value.encode("utf-8", KEEP_ANY_BYTES) for value in statement.parameters],
        )
        run = _Step(sql, prepares=False)
        if self.is_pooled:
            self._pgconn.send_query_params(_marked(sql), values, result_format=_BINARY)
            return [run]
        steps = [run]
        if sql not in self._prepared:
            self._prepared_count += 1
            self._prepared[sql] = b"s%d" % self._prepared_count
            self._pgconn.send_prepare(self._prepared[sql], _marked(sql))
            steps.insert(0, _Step(sql, prepares=True))
        self._pgconn.send_query_prepared(self._prepared[sql], values, result_format=_BINARY)
        return steps

    def _schedule_flush(self) -> None:
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_scheduled = False
        if not self.is_open:
            return
        self._loop.remove_writer(self._descriptor)
        try:
            if self._pgconn.flush():
                self._loop.add_writer(self._descriptor, self._flush)
        except psycopg.OperationalError as error:
            self._lose(str(error))

    def _on_readable(self) -> None:
        try:
            self._received.expect()
            self._pgconn.consume_input()
            self._received.count()
            self._read_results()
            self._stop_what_is_too_large()
        except psycopg.OperationalError as error:
            self._lose(str(error))
        else:
            if self._pgconn.status == pq.ConnStatus.BAD:
                self._lose("the server closed the connection")

    def _read_results(self) -> None:
        was_null = False
        while self._pending and not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is None:
                # NULL ends the results of a statement; two in a row: nothing more has arrived.
                if was_null:
                    return
                was_null = True
                continue
            was_null = False
            self._handle_result(self._pending[0], result)

    def _stop_what_is_too_large(self) -> None:
        """Cancel the statement whose answer is too large; close the connection if that fails."""
        if not self._received.are_too_many:
            return
        is_stopping = False
        if self._pending:
            is_stopping, self._pending[0].is_too_large = self._pending[0].is_too_large, True
        if not self._pending or self._received.are_hopeless:
            self._lose("the server sent too much")
        elif not is_stopping:
            stopping = asyncio.create_task(self._stop())
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)

    async def _stop(self) -> None:
        with contextlib.suppress(TimeoutError, psycopg.Error):
            await self._request_cancel(_CANCEL_TIMEOUT)

    def _handle_result(self, pending: _Pending, result: pq.abc.PGresult) -> None:
        if result.status == pq.ExecStatus.PIPELINE_SYNC:
            self._pending.popleft()
            self._received.begin_next()
            self._resolve(pending)
            if not self._pending:
                self._idle.set()
                if self._retired:
                    self._lose(self._retired)
        elif result.status in _OK:
            pending.result = result
            pending.answered += 1
        elif pending.failure is None:
            pending.failure = result

    def _resolve(self, pending: _Pending) -> None:
        if pending.is_too_large:
            # libpq's buffer stays as large as it once was.
            self._retired = "an answer was too large"
            if not pending.future.done():
                pending.future.set_exception(too_many_bytes())
            return
        if pending.failure is None:
            assert pending.result is not None
            if not pending.future.done():
                pending.future.set_result(pending.result)
            return
        error = psycopg.errors.error_from_result(pending.failure)
        self._forget_unprepared(pending.steps[pending.answered :], error.sqlstate)
        if not pending.future.done():
            pending.future.set_exception(error)

    def _forget_unprepared(self, steps: Sequence[_Step], sqlstate: str | None) -> None:
        """Forget what must be prepared again, after the first of `steps` failed."""
        failed, *skipped = steps
        texts = [step.sql for step in skipped if step.prepares]
        if failed.prepares or sqlstate in _MUST_BE_PREPARED_AGAIN:
            texts.append(failed.sql)
        for sql in texts:
            self._prepared.pop(sql, None)

    def _retire(self, reason: str) -> None:
        """Close the connection as soon as every statement sent has its result."""
        self._retired = reason
        if self.is_idle:
            self._lose(reason)

    def _lose(self, reason: str) -> None:
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        self._received.close()
        failures = [pending.failure for pending in self._pending if pending.failure is not None]
        self._pgconn.finish()
        while self._pending:
            pending = self._pending.popleft()
            if not pending.future.done():
                error = too_many_bytes() if pending.is_too_large else _lost_error(failures, reason)
                pending.future.set_exception(error)
        self._idle.set()


def _lost_error(failures: Sequence[pq.abc.PGresult], reason: str) -> SessionLostError:
    """Prefer the last error of the server (FATAL: terminating connection ...) to that of libpq."""
    message = psycopg.errors.error_from_result(failures[-1]) if failures else reason
    return SessionLostError(str(message).strip())


def _is_clean(answer: Rows) -> bool:
    """Whether `CLEAN` found nothing that it cannot release."""
    return answer.rows[0][-1] is False


def _marked(sql: str) -> bytes:
    return f"{sql}\n{MARK}".encode("utf-8", KEEP_ANY_BYTES)
