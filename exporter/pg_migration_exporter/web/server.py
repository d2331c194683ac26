"""uvicorn, for one client that sends a request every few seconds, and any number that attack."""

from __future__ import annotations

import asyncio
import logging
import socket
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from pg_migration_exporter.metrics.refusals import Reason, Refusals
from pg_migration_exporter.web.connection import Connection
from pg_migration_exporter.web.connections import Connections
from pg_migration_exporter.web.limits import Limits, client_key
from pg_migration_exporter.web.tls import ListenerTls

log = logging.getLogger(__name__)

#: Seconds that requests in progress have to finish at shutdown.
_SHUTDOWN_SECONDS = 5
#: Seconds that a client has to confirm the end of a TLS connection; an idle client may never do it.
_CLOSE_SECONDS = 1.0
#: Exit code.
_STARTUP_FAILURE = 3
#: Seconds until the next attempt to accept a connection, where none can be opened.
_RETRY_SECONDS = 0.1


class Server(uvicorn.Server):
    """A server that sleeps without requests, where uvicorn wakes up ten times a second.

    It accepts connections itself, so that they count from the start, before a TLS handshake. With
    `tls`, it accepts TLS only.
    """

    def __init__(
        self, app: Starlette, tls: ListenerTls | None, limits: Limits, refusals: Refusals
    ) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,  # anybody could pretend to be another client
            ws="none",
            lifespan="on",
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        config.load()
        super().__init__(config)
        self._app = app
        self._tls = tls
        self._connections = Connections(limits, refusals)
        self._exit_requested = asyncio.Event()
        self._opening: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    async def serve_on(self, listener: socket.socket) -> None:
        """Serve until a signal asks to stop."""
        listener.setblocking(False)
        await self.serve(sockets=[listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application; uvicorn would listen too. Ends the process if that fails."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise SystemExit(_STARTUP_FAILURE)
        assert sockets
        self.servers: list[asyncio.base_events.Server] = []
        self._accepting = asyncio.create_task(self._accept(sockets[0]))
        self.started = True

    async def main_loop(self) -> None:
        """Wait for a signal, then end the streams; uvicorn would wait for them.

        uvicorn calls this between startup and shutdown.
        """
        await self._exit_requested.wait()
        self._accepting.cancel()
        self._app.state.end_streams()
        self._loop.call_later(_CLOSE_SECONDS, self._connections.end_waiting)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle the signal as uvicorn does, and wake up."""
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self._exit_requested.set)

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                accepted, address = await self._loop.sock_accept(listener)
            except OSError as error:
                # The client has gone already, or there are no file descriptors.
                log.debug("cannot accept a connection: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            opening = asyncio.create_task(self._open(accepted, client_key(address[0])))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    async def _open(self, accepted: socket.socket, client: str) -> None:
        uvicorn_state = (self.config, self.server_state, self.lifespan.state)
        connection = Connection(self._connections, accepted, client, self._tls, uvicorn_state)
        self._connections.add(connection)
        seconds = self._connections.limits.head_time if self._tls else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._tls.context if self._tls else None,
                ssl_handshake_timeout=seconds,
                ssl_shutdown_timeout=seconds and _CLOSE_SECONDS,
            )
        except OSError:
            self._connections.refusals.count(Reason.TLS, client)
            self._connections.discard(connection)
            accepted.close()
