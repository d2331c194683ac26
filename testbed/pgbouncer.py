"""PgBouncer in front of a server of the stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg

from testbed.database import Database
from testbed.ports import LOOPBACK
from testbed.postgres import SUPERUSER, Server
from testbed.programs import program
from testbed.service import Service
from testbed.workspace import Workspace

#: The settings of every pooler. Callers override them: `{"pool_mode": "session"}`.
SETTINGS: Mapping[str, str] = {
    "listen_addr": LOOPBACK,
    "unix_socket_dir": "",
    "auth_type": "scram-sha-256",
    "pool_mode": "transaction",
    "max_client_conn": "100",
    "default_pool_size": "10",
    "ignore_startup_parameters": "extra_float_digits,options",
    "admin_users": SUPERUSER,
}


class PgBouncer(Service):
    """A pooler for every database of `server`, with the same user and password."""

    unprivileged = True

    def __init__(
        self,
        workspace: Workspace,
        server: Server,
        settings: Mapping[str, str] | None = None,
        *,
        name: str = "pgbouncer",
    ) -> None:
        super().__init__(workspace, name)
        self.server = server
        self._write("users.txt", f'"{SUPERUSER}" "{workspace.password}"\n')
        own = {"listen_port": str(self.port), "auth_file": str(self.folder / "users.txt")}
        options = "".join(
            f"{key} = {value}\n" for key, value in {**SETTINGS, **(settings or {}), **own}.items()
        )
        target = f"* = host={LOOPBACK} port={server.port}\n"
        self.config = self._write("pgbouncer.ini", f"[databases]\n{target}[pgbouncer]\n{options}")

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        self.workspace.give(path)
        return path

    def command(self) -> Sequence[str | Path]:
        return [program("pgbouncer"), self.config]

    def is_ready(self) -> bool:
        try:
            self.database("pgbouncer").execute("SHOW VERSION")
        except psycopg.OperationalError:
            return False
        return True

    def database(self, name: str) -> Database:
        """Return a database through the pooler; `pgbouncer` is the admin console."""
        return Database(self.port, name, SUPERUSER, self.workspace.password)
