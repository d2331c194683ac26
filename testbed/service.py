"""Base classes of all servers: a folder, a loopback port, a log, a readiness check."""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from testbed.ports import LOOPBACK, free_port
from testbed.process import Process
from testbed.workspace import Workspace


class Service(ABC):
    """A server; a context manager that starts it, waits until it is ready and stops it."""

    ready_timeout = 30.0
    stop_signal = signal.SIGTERM
    orphan_signal = signal.SIGKILL
    #: True for servers that refuse to run as root.
    unprivileged = False

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name
        self.port = free_port()
        self.folder = workspace.folder(name, for_servers=self.unprivileged)
        self.process = Process(
            name,
            log=workspace.log(name),
            folder=self.folder,
            user=workspace.user if self.unprivileged else None,
            environment=self.environment(),
            orphan_signal=self.orphan_signal,
        )

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """Return program and arguments that run the server in the foreground."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether the server is ready."""

    def environment(self) -> Mapping[str, str]:
        return {}

    def start(self) -> Self:
        self.process.start(self.command())
        self.process.wait_until(self.is_ready, self.ready_timeout, "serves")
        return self

    def stop(self) -> None:
        self.process.stop(number=self.stop_signal)

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class HttpService(Service):
    """A server with an HTTP interface on its port."""

    health_path = "/-/ready"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def get(self, path: str, **params: str) -> httpx.Response:
        """GET `path`. Raises httpx.HTTPStatusError unless it succeeds."""
        # On loopback, no proxy and no certificates are needed.
        options: Any = {"trust_env": False, "verify": False, "timeout": 30}
        response = httpx.get(self.url + path, params=params, **options)
        return response.raise_for_status()

    def is_ready(self) -> bool:
        try:
            self.get(self.health_path)
        except httpx.HTTPError:
            return False
        return True

    def api(self, path: str, **params: str) -> Any:
        """GET `path`; return the JSON."""
        return self.get(path, **params).json()
