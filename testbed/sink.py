"""A server with OpenSearch's _bulk and Loki's push that stores documents, or fails on demand."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from testbed.ports import LOOPBACK, free_port

Document = dict[str, Any]
_CREATED, _BAD_REQUEST, _CONFLICT = 201, 400, 409


class Sink:
    """Documents by index and id; `create` of an existing one is rejected."""

    def __init__(self, certificate: Path | None = None) -> None:
        """`certificate` is a PEM file with the key; without it, the server does not use TLS."""
        self.port = free_port()
        self.documents: dict[tuple[str, str], Document] = {}
        #: Labels and line of each entry pushed in Loki's format.
        self.lines: list[tuple[dict[str, str], str]] = []
        #: Number of responses by status, and of documents by their own status.
        self.statuses: Counter[int] = Counter()
        self.authorizations: set[str | None] = set()
        #: If set, respond to each request with this status instead of storing.
        self.refusal: int | None = None
        #: Whether a document does not fit the mapping.
        self.is_unfit: Callable[[Document], bool] = lambda _: False
        self._certificate = certificate
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._server = _Server(self, self._certificate)
        threading.Thread(target=self._server.serve_forever, name="sink").start()

    def stop(self) -> None:
        """Stop, and close the connections."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server.cut()
            self._server = None

    def store(self, body: bytes) -> dict[str, Any]:
        """Store documents; return the response of _bulk."""
        lines = body.decode().splitlines()
        pairs = zip(map(json.loads, lines[::2]), map(json.loads, lines[1::2]), strict=True)
        items = [self._create(action["create"], document) for action, document in pairs]
        self.statuses.update(item["create"]["status"] for item in items)
        errors = any(item["create"]["status"] != _CREATED for item in items)
        return {"took": 1, "errors": errors, "items": items}

    def _create(self, target: dict[str, str], document: Document) -> dict[str, Any]:
        key = target["_index"], target["_id"]
        if self.is_unfit(document):
            status = _BAD_REQUEST
        elif key in self.documents:
            status = _CONFLICT
        else:
            status = _CREATED
            self.documents[key] = document
        return {"create": target | {"status": status}}

    def push(self, body: bytes) -> dict[str, Any]:
        """Store the lines of a push (Loki, "Ingest logs")."""
        for stream in json.loads(body)["streams"]:
            self.lines += [(stream["stream"], line) for _, line in stream["values"]]
        return {}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, sink: Sink, certificate: Path | None) -> None:
        self.sink = sink
        self._connections: set[socket.socket] = set()
        super().__init__((LOOPBACK, sink.port), _Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake is done in the connection's thread.
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors: tests use clients that disconnect or reject the certificate."""

    def cut(self) -> None:
        for connection in list(self._connections):
            super().shutdown_request(connection)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sink = self.server.sink
        sink.authorizations.add(self.headers.get("Authorization"))
        if sink.refusal:
            sink.statuses[sink.refusal] += 1
            self._answer(sink.refusal, {"error": "refused on demand"})
            return
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path == "/loki/api/v1/push":
            self._answer(200, sink.push(body))
        else:
            self._answer(200, sink.store(body))

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing."""
