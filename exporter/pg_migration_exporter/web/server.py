"""uvicorn, tuned for one client that asks every few seconds."""

from __future__ import annotations

import asyncio
import socket
import ssl
from types import FrameType

import uvicorn
from starlette.applications import Starlette

_FINISH_REQUESTS_WITHIN = 5
#: Longer than any usual scrape interval, so that Prometheus keeps its connection.
_KEEP_ALIVE = 130
#: How long a client has to agree that a TLS connection ends, which an idle one may never do.
_FAREWELL = 1.0


class Server(uvicorn.Server):
    """A server that sleeps while nobody asks: uvicorn itself wakes up ten times a second.

    With a context, it speaks TLS and nothing else.
    """

    def __init__(self, app: Starlette, context: ssl.SSLContext | None) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            lifespan="on",
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_FINISH_REQUESTS_WITHIN,
        )
        config.load()
        config.ssl = context  # what load() makes of files could not be renewed
        super().__init__(config)
        self._app = app
        self._told_to_exit = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def serve_on(self, listener: socket.socket) -> None:
        """Serve until a signal asks to stop."""
        await self.serve(sockets=[listener])

    async def main_loop(self) -> None:
        """Wait for the end; uvicorn calls this between start-up and shutdown.

        Then the streams end, which uvicorn would wait for.
        """
        await self._told_to_exit.wait()
        self._app.state.leave()
        self._loop.call_later(_FAREWELL, self._end_connections)

    def _end_connections(self) -> None:
        """End what uvicorn has closed by then and clients have not: it would wait for them."""
        for connection in list(self.server_state.connections):
            if connection.transport.is_closing():
                connection.transport.abort()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the signal as uvicorn does, and wake up."""
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self._told_to_exit.set)
