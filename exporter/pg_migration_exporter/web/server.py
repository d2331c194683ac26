"""uvicorn, for one client that sends a request every few seconds."""

from __future__ import annotations

import asyncio
import socket
import ssl
from types import FrameType

import uvicorn
from starlette.applications import Starlette

#: Seconds that requests in progress have to finish at shutdown.
_SHUTDOWN_SECONDS = 5
#: Longer than any usual scrape interval, so that Prometheus keeps its connection.
_KEEP_ALIVE_SECONDS = 130
#: Seconds that a client has to confirm the end of a TLS connection; an idle client may never do it.
_CLOSE_SECONDS = 1.0


class Server(uvicorn.Server):
    """A server that sleeps without requests, where uvicorn wakes up ten times a second.

    With a TLS context, it accepts TLS only.
    """

    def __init__(self, app: Starlette, context: ssl.SSLContext | None) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            lifespan="on",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        config.load()
        config.ssl = context  # load() would read files once, without renewal
        super().__init__(config)
        self._app = app
        self._exit_requested = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def serve_on(self, listener: socket.socket) -> None:
        """Serve until a signal asks to stop."""
        await self.serve(sockets=[listener])

    async def main_loop(self) -> None:
        """Wait for a signal, then end the streams; uvicorn would wait for them.

        uvicorn calls this between startup and shutdown.
        """
        await self._exit_requested.wait()
        self._app.state.end_streams()
        self._loop.call_later(_CLOSE_SECONDS, self._end_connections)

    def _end_connections(self) -> None:
        """Abort connections that clients have not closed: uvicorn would wait for them."""
        for connection in list(self.server_state.connections):
            if connection.transport.is_closing():
                connection.transport.abort()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle the signal as uvicorn does, and wake up."""
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self._exit_requested.set)
