"""One HTTP connection: uvicorn's, with limits of sizes and times, and one request at a time.

uvicorn reads headers of any length for any time, queues pipelined requests without limit, and waits
for clients that never read. No client of an exporter pipelines; one that does repeats what was not
answered (RFC 9112, 9.3.2).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from http import HTTPStatus
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from pg_migration_exporter.metrics.refusals import Reason
from pg_migration_exporter.web.connections import Connections
from pg_migration_exporter.web.responses import as_bytes, refuse_crowd
from pg_migration_exporter.web.tls import ListenerTls

#: Bytes that are parsed at a time: the rest of what arrived is dropped after a refusal.
_PIECE = 16 * 1024
#: Seconds in which a client that is refused can read why.
_LINGER_TIME = 1.0
#: Paths that are answered even if there are too many connections.
_RESERVED_PATHS = {"/metrics", "/probe", "/sd", "/healthz", "/readyz"}


class _RefusedHeadError(Exception):
    """The head of a request is refused with `status`."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class Connection(HttpToolsProtocol):
    """One of `connections`, accepted as `accepted` from `client`."""

    def __init__(
        self,
        connections: Connections,
        accepted: socket.socket,
        client: str,
        tls: ListenerTls | None,
        uvicorn: tuple[Config, ServerState, dict[str, Any]],
    ) -> None:
        super().__init__(*uvicorn)
        # uvicorn accepts requests after one with `Connection: close`.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=False)
        self.client_key = client
        self._connections = connections
        self._limits = connections.limits
        self._accepted = accepted
        self._tls = tls
        self._timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._is_in_head = True
        self._is_in_body = False
        #: Bytes since the last part of the request was complete.
        self._unparsed = 0
        #: Whether all that the client sends is dropped.
        self._is_deaf = False
        self._is_ending = False

    @property
    def is_waiting(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def unread(self) -> int:
        """Bytes of responses that the client has not read yet."""
        return self.transport.get_write_buffer_size() if self.transport else 0

    def abort(self) -> None:
        """End the connection now, also during the TLS handshake."""
        if self.transport:
            self.transport.abort()
        else:
            with contextlib.suppress(OSError):
                self._accepted.shutdown(socket.SHUT_RDWR)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        super().connection_made(cast(asyncio.Transport, transport))
        self._wait(self._limits.head_time)
        if self._tls is not None and not self._tls.admits(transport.get_extra_info("peercert")):
            self._is_deaf = True
            self._connections.refusals.count(Reason.TLS, self.client_key)
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._wait(None)
        self._wait_for_reader(None)
        self._connections.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, piece by piece, until a request is refused."""
        if self.is_waiting and not self._is_in_body:
            self._begin_head()
        for start in range(0, len(data), _PIECE):
            if self._is_deaf:
                return
            self._feed(data[start : start + _PIECE])

    def on_message_begin(self) -> None:
        """Refuse a request that is sent before the response to the last one."""
        if not self.is_waiting:
            raise _RefusedHeadError(HTTPStatus.BAD_REQUEST)
        self._begin_head()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Refuse too many headers, and any after the body, which nobody needs here."""
        if not self._is_in_head:
            raise _RefusedHeadError(HTTPStatus.BAD_REQUEST)
        if len(self.headers) >= self._limits.headers:
            raise _RefusedHeadError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._refuse_ambiguous_head()
        super().on_headers_complete()
        self._is_in_head, self._is_in_body = False, True
        self._unparsed = 0
        self._wait(self._limits.body_time)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for nothing while the request is answered."""
        super().on_message_complete()
        self._is_in_body = False
        self._unparsed = 0
        self._wait(self._limits.idle_time if self.is_waiting else None)

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of this one, which is dropped."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._wait(self._limits.unread_time)
            return
        self.flow.resume_reading()
        if not self._is_in_body:
            self._wait(self._limits.idle_time)

    def pause_writing(self) -> None:
        """Wait for the client to read, not for ever."""
        super().pause_writing()
        self._wait_for_reader(self._limits.unread_time)
        self._connections.limit_unread()

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        super().resume_writing()
        self._wait_for_reader(None)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._connections.is_crowded and self.scope["path"] not in _RESERVED_PATHS:
            self._connections.refusals.count(Reason.TOO_MANY_CONNECTIONS, self.client_key)
            app = refuse_crowd
        super()._start_asgi_task(cycle, app)

    def _begin_head(self) -> None:
        """Begin to wait for the rest of a head; until then, the connection was idle."""
        if not self._is_in_head:
            self._is_in_head = True
            self._wait(self._limits.head_time)

    def _feed(self, piece: bytes) -> None:
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self._is_deaf = True  # it is answered like any other request
            self.cycle.keep_alive = False
            self.on_message_complete()
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(
                cause.status if isinstance(cause, _RefusedHeadError) else HTTPStatus.BAD_REQUEST
            )
        else:
            self._limit_unparsed(len(piece))

    def _limit_unparsed(self, more: int) -> None:
        if self._is_in_head or self._is_in_body:
            self._unparsed += more
            if self._unparsed > self._limits.head_size:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _refuse_ambiguous_head(self) -> None:
        """Refuse what proxies understand in different ways (RFC 9112, 3.2 and 6.1)."""
        names = [name for name, _ in self.headers]
        version = self.parser.get_http_version()
        is_old = version == "1.0"
        hosts, codings = names.count(b"host"), names.count(b"transfer-encoding")
        if version not in ("1.0", "1.1") or hosts > 1 or (hosts == 0 and not is_old):
            raise _RefusedHeadError(HTTPStatus.BAD_REQUEST)
        if codings and (is_old or codings > 1 or b"content-length" in names):
            raise _RefusedHeadError(HTTPStatus.BAD_REQUEST)

    def _refuse(self, status: HTTPStatus) -> None:
        """Say why, unless a response is under way, and end the connection."""
        self._is_deaf = True
        self._connections.refusals.count(_REASONS[status], self.client_key)
        if self.is_waiting:
            if not self._is_in_body:  # else this request was answered
                self.transport.write(as_bytes(status))
            self._linger()
            return
        self.cycle.keep_alive = False
        if self._is_in_body:
            self._interrupt(status)

    def _interrupt(self, status: HTTPStatus) -> None:
        """End a request whose body is not complete; the application learns that nobody waits."""
        if not self.cycle.response_started:
            self.transport.write(as_bytes(status))
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        self._linger()

    def _linger(self) -> None:
        """End the connection when the client could read the response.

        Closing at once would make the kernel discard it (RFC 9112, 9.6). What arrives meanwhile
        cannot be answered.
        """
        self._is_deaf = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.resume_reading()
        else:
            self.transport.close()
        self._is_ending = True
        self._wait(_LINGER_TIME)

    def _wait(self, seconds: float | None) -> None:
        """Wait for the client's next step; None waits for nothing."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._expire)

    def _wait_for_reader(self, seconds: float | None) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
        self._unread_timer = None if seconds is None else self.loop.call_later(seconds, self.abort)

    def _expire(self) -> None:
        if self.transport.is_closing() or self._is_ending:
            self.transport.abort()
        elif self.is_waiting and (self._is_in_body or not self._unparsed):
            self._linger()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)


_REASONS = {
    HTTPStatus.BAD_REQUEST: Reason.INVALID,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: Reason.TOO_LARGE,
    HTTPStatus.REQUEST_TIMEOUT: Reason.TOO_SLOW,
}
