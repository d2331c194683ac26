"""Real PostgreSQL servers on loopback: primaries and streaming standbys."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql

from testbed.database import Database
from testbed.errors import StackError
from testbed.ports import LOOPBACK
from testbed.process import clean_environment, identity
from testbed.programs import postgres_bindir
from testbed.service import Service
from testbed.workspace import Workspace

SUPERUSER = "postgres"

#: The settings of every server. Callers override them: `{"fsync": "on"}`.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # the path of a deep folder is too long for a socket
    "shared_preload_libraries": "pg_stat_statements",
    "track_commit_timestamp": "on",
    "wal_level": "logical",
    "max_wal_senders": "10",
    "shared_buffers": "32MB",
    "fsync": "off",
    "timezone": "UTC",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] app=%a db=%d ",
}


class Server(Service):
    """A server with an empty cluster, or (`standby()`) a streaming copy of a running one."""

    stop_signal = signal.SIGINT  # fast shutdown
    orphan_signal = signal.SIGQUIT  # the postmaster ends its children too
    unprivileged = True

    def __init__(
        self,
        workspace: Workspace,
        name: str = "primary",
        settings: Mapping[str, str] | None = None,
        *,
        bindir: Path | None = None,
        source: Server | None = None,
    ) -> None:
        """`bindir` selects another PostgreSQL; a running `source` makes this its standby."""
        super().__init__(workspace, name)
        self.bindir = bindir or postgres_bindir()
        self.data = self.folder / "data"
        if source is None:
            self._initialize()
        else:
            self._copy(source)
        self.configure(settings or {})

    # --- creating it ------------------------------------------------------------------------

    def _initialize(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self.workspace.password)
        self.workspace.give(secret)
        scram = ["--auth=scram-sha-256", f"--pwfile={secret}", f"--username={SUPERUSER}"]
        self._run("initdb", "--no-sync", "--encoding=UTF8", "--locale=C", *scram, "-D", self.data)
        secret.unlink()

    def _copy(self, source: Server) -> None:
        where = ["-h", LOOPBACK, "-p", str(source.port), "-U", SUPERUSER]
        quick = ["--checkpoint=fast", "--no-sync", "--wal-method=stream", "--write-recovery-conf"]
        self._run("pg_basebackup", *quick, "-D", self.data, *where)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Add settings; those of a running server take effect when it is reloaded or restarted."""
        # cluster_name is also the standby's application_name in pg_stat_replication.
        fixed = {"port": str(self.port), "cluster_name": self.name}
        with (self.data / "postgresql.conf").open("a") as file:
            for key, value in {**SETTINGS, **settings, **fixed}.items():
                quoted = value.replace("'", "''")
                file.write(f"{key} = '{quoted}'\n")

    def _run(self, program: str, *arguments: str | Path, stdin: str = "") -> None:
        done = subprocess.run(
            [self.bindir / program, *arguments],
            cwd=self.folder,
            env=clean_environment() | {"PGPASSWORD": self.workspace.password},
            **identity(self.workspace.user),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(f"{self.name}: {program} failed\n{done.stderr}")

    # --- running it -----------------------------------------------------------------------

    def command(self) -> Sequence[str | Path]:
        return [self.bindir / "postgres", "-D", self.data]

    def is_ready(self) -> bool:
        try:
            self.database().execute("SELECT", connect_timeout=5)
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL the postmaster and every backend, as the OOM killer does."""
        self.process.kill()

    def freeze(self) -> None:
        """SIGSTOP every process, like a hanging disk: connections stay open, nothing responds."""
        self.process.freeze()

    def thaw(self) -> None:
        """Undo `freeze`."""
        self.process.thaw()

    def __exit__(self, *_: object) -> None:
        """Stop without a checkpoint, because the data is not needed any more."""
        self.process.stop(number=signal.SIGQUIT)

    # --- replication ----------------------------------------------------------------------

    def standby(self, name: str = "standby", settings: Mapping[str, str] | None = None) -> Server:
        """Copy this running server into a streaming standby, not started yet."""
        return Server(self.workspace, name, settings, bindir=self.bindir, source=self)

    def promote(self) -> None:
        """Promote a standby and wait for it."""
        self.database().execute("SELECT pg_promote()")

    def wait_for_replay(self, standby: Server, timeout: float = 30) -> None:
        """Wait until `standby` has replayed everything that is committed now."""
        written = self.database().value("SELECT pg_current_wal_flush_lsn()::text")
        replayed = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        standby.process.wait_until(
            lambda: standby.database().value(replayed, [written]), timeout, f"replays {written}"
        )

    # --- using it -------------------------------------------------------------------------

    def database(self, name: str = "postgres") -> Database:
        """Return a database for the superuser."""
        return Database(self.port, name, SUPERUSER, self.workspace.password)

    def create_database(self, name: str) -> Database:
        self._administer("CREATE DATABASE {}", name)
        return self.database(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, with its sessions."""
        self._administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def create_role(self, name: str) -> None:
        """Create a role that may log in, for `Database.as_user`; one that is there stays."""
        with suppress(psycopg.errors.DuplicateObject):
            self._administer("CREATE ROLE {} LOGIN", name)
        self.set_password(name)

    def set_password(self, role: str) -> None:
        """Set the password of `role` to that of the workspace."""
        self._administer("ALTER ROLE {} PASSWORD {}", role, self.workspace.password)

    def run_script(self, script: Path, dbname: str, **variables: str) -> None:
        """Run a psql script as the superuser."""
        where = ["-h", LOOPBACK, "-p", str(self.port), "-U", SUPERUSER, "-d", dbname]
        options = [f"--set={name}={value}" for name, value in variables.items()]
        quiet = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
        # As input, because the server's user may not be able to read the script's folder.
        self._run("psql", *quiet, *where, *options, stdin=script.read_text())

    def _administer(self, statement: str, name: str, *literals: str) -> None:
        names = [sql.Identifier(name), *map(sql.Literal, literals)]
        with self.database().connect() as connection:
            connection.execute(sql.SQL(statement).format(*names))
