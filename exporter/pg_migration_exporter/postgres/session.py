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
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import pq

from pg_migration_exporter.postgres.budget import ReceivedBytes, too_many_bytes
from pg_migration_exporter.postgres.rows import KEEP_ANY_BYTES, Rows, read_rows

#: Ends the text of every statement, to distinguish the exporter's own from others.
MARK = "/* pg-migration-exporter */"

_BINARY = pq.Format.BINARY
#: Seconds.
_CANCEL_TIMEOUT = 5.0
_OK = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
_SET_TIMEOUT = "select set_config('statement_timeout', $1, false)"
_RESET_TIMEOUT = "reset statement_timeout"
_PLAN_IS_OUTDATED = "0A000"  # "cached plan must not change result type"


class SessionLostError(psycopg.OperationalError):
    """The connection broke, or was closed, before the result arrived."""


@dataclass(slots=True)
class _Pending:
    """A statement that was sent: the future of its result, and what has arrived so far."""

    sql: str
    future: asyncio.Future[pq.abc.PGresult]
    result: pq.abc.PGresult | None = None
    failure: pq.abc.PGresult | None = None
    is_too_large: bool = False


class Session:
    """One connection: `query` from any number of tasks, then `close`.

    With `before_each`, a statement that runs before each one in the same transaction, nothing
    depends on the session of the server: no statement is prepared (see `postgres.pooler`).
    """

    def __init__(
        self, connection: psycopg.AsyncConnection[Any], before_each: str | None = None
    ) -> None:
        self._before_each = None if before_each is None else _marked(before_each)
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
        self._is_bloated = False
        self._closed = False
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
        return self._before_each is not None

    @property
    def is_idle(self) -> bool:
        """True when every statement sent has its result."""
        return not self._pending

    async def query(
        self,
        sql: str,
        parameters: Sequence[str] = (),
        timeout: float | None = None,
        limit: int | None = None,
    ) -> Rows:
        """Run one statement and return its rows.

        `parameters` are sent as text for $1, $2, ...; `timeout` is a statement_timeout in seconds
        instead of the session's, `limit` the most rows to read. Raises psycopg.Error of the
        server's SQLSTATE, AnswerTooLargeError, or SessionLostError. A cancelled task leaves the
        statement running: see `cancel`. If the cancel request for an earlier statement may have hit
        this one, it runs again.
        """
        while True:
            sent_at = time.monotonic()
            try:
                if timeout is None:
                    return read_rows(await self._send(sql, parameters), limit)
                return read_rows(await self._send_within(timeout, sql, parameters), limit)
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

    async def _send_within(
        self, timeout: float, sql: str, parameters: Sequence[str]
    ) -> pq.abc.PGresult:
        """Send it between two statements that set and reset statement_timeout."""
        milliseconds = str(max(1, round(timeout * 1000)))
        _, result, _ = await asyncio.gather(
            self._send(_SET_TIMEOUT, [milliseconds]),
            self._send(sql, parameters),
            self._send(_RESET_TIMEOUT, []),
            return_exceptions=True,
        )
        if isinstance(result, BaseException):
            raise result
        return result

    def _send(self, sql: str, parameters: Sequence[str]) -> asyncio.Future[pq.abc.PGresult]:
        future: asyncio.Future[pq.abc.PGresult] = self._loop.create_future()
        if not self.is_open:
            future.set_exception(SessionLostError("the connection is closed"))
            return future
        try:
            values = [value.encode() for value in parameters]
            if self._before_each is None:
                self._pgconn.send_query_prepared(self._prepare(sql), values, result_format=_BINARY)
            else:
                # Without a Sync in between, the two are one transaction.
                self._pgconn.send_query_params(self._before_each, None)
                self._pgconn.send_query_params(_marked(sql), values, result_format=_BINARY)
            self._pgconn.pipeline_sync()
        except psycopg.OperationalError as error:
            self._lose(str(error))
            future.set_exception(SessionLostError(str(error)))
            return future
        self._pending.append(_Pending(sql, future))
        self._idle.clear()
        self._schedule_flush()
        return future

    def _prepare(self, sql: str) -> bytes:
        if sql not in self._prepared:
            self._prepared_count += 1
            name = b"s%d" % self._prepared_count
            self._pgconn.send_prepare(name, _marked(sql))
            self._prepared[sql] = name
        return self._prepared[sql]

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
                if self._is_bloated:  # libpq's buffer stays as large as it once was
                    self._lose("an answer was too large")
        elif result.status in _OK:
            pending.result = result
        elif pending.failure is None:
            pending.failure = result

    def _resolve(self, pending: _Pending) -> None:
        if pending.is_too_large:
            self._is_bloated = True
            if not pending.future.done():
                pending.future.set_exception(too_many_bytes())
            return
        if pending.failure is None:
            assert pending.result is not None
            if not pending.future.done():
                pending.future.set_result(pending.result)
            return
        error = psycopg.errors.error_from_result(pending.failure)
        if pending.result is None or error.sqlstate == _PLAN_IS_OUTDATED:
            self._prepared.pop(pending.sql, None)
        if not pending.future.done():
            pending.future.set_exception(error)

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


def _marked(sql: str) -> bytes:
    return f"{sql}\n{MARK}".encode("utf-8", KEEP_ANY_BYTES)
