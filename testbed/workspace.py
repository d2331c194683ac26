"""The folder that holds everything of one stack, and the user whom its servers run as."""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from testbed.errors import StackError
from testbed.process import identity

#: PostgreSQL and PgBouncer refuse to run as root; Debian's postgresql package makes this user.
SERVER_USER = "postgres"


class Workspace:
    """A folder for a stack: `preferred`, emptied first, or a temporary one that is removed.

    Root needs a folder that the unprivileged `user` can reach. Where that user cannot reach
    `preferred` (a clone under /root), the folder is a temporary one as well.
    """

    def __init__(self, preferred: Path | None = None) -> None:
        self.user = SERVER_USER if os.geteuid() == 0 else None
        #: Of the database superuser: other users of this machine reach loopback too.
        self.password = secrets.token_urlsafe(16)
        self._cleanup = ExitStack()
        with ExitStack() as on_failure:
            on_failure.push(self._cleanup)
            if preferred is not None and self._is_reachable(preferred.parent):
                self.root = self._own(preferred)
            else:
                self.root = self._temporary()
            on_failure.pop_all()
        self.passfile = self._write_passfile()

    def _own(self, root: Path) -> Path:
        root.mkdir(exist_ok=True)
        if any(root.iterdir()) and not (root / "lock").exists():
            raise StackError(f"{root} holds other files and would be emptied: choose a new folder")
        lock = self._cleanup.enter_context((root / "lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(f"{root} is in use: end the demo that runs there first") from error
        for left_over in root.iterdir():
            if left_over.name != "lock":
                shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink()
        return root

    def _temporary(self) -> Path:
        for parent in map(Path, (tempfile.gettempdir(), "/tmp", "/var/tmp")):
            if self._is_reachable(parent):
                root = Path(tempfile.mkdtemp(prefix="pg-migration-exporter-", dir=parent))
                self._cleanup.callback(shutil.rmtree, root, ignore_errors=True)
                root.chmod(0o755)
                return root
        raise StackError(f"the user {self.user} can reach no temporary folder")

    def _is_reachable(self, folder: Path) -> bool:
        if self.user is None:
            return True
        # The kernel answers for access lists and every parent at once.
        test = ["test", "-x", str(folder)]
        return subprocess.run(test, check=False, **identity(self.user)).returncode == 0

    def _write_passfile(self) -> Path:
        """The password for whoever uses psql by hand (PostgreSQL, "The Password File")."""
        passfile = self.root / "pgpass"
        passfile.touch(mode=0o600)
        passfile.write_text(f"*:*:*:*:{self.password}\n")
        return passfile

    def folder(self, name: str, *, for_servers: bool = False) -> Path:
        """Make the folder `name`, readable by its owner alone: us, or the servers' user."""
        folder = self.root / name
        folder.mkdir(mode=0o700)
        if for_servers:
            self.give(folder)
        return folder

    def give(self, path: Path) -> None:
        """Hand `path` over to the servers' user."""
        if self.user is not None:
            account = pwd.getpwnam(self.user)
            os.chown(path, account.pw_uid, account.pw_gid)

    def log(self, name: str) -> Path:
        return self.root / f"{name}.log"

    def close(self) -> None:
        self._cleanup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
