"""The folder of all files of a testbed, and the user of its servers."""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from itertools import chain, count
from pathlib import Path
from typing import Self

from testbed.errors import StackError
from testbed.process import identity

#: PostgreSQL and PgBouncer refuse to run as root; Debian's postgresql package creates this user.
SERVER_USER = "postgres"


class Workspace:
    """A folder: `preferred`, emptied first, or a temporary one that is removed.

    As root, the unprivileged `user` must be able to reach the folder. If it cannot reach
    `preferred` (in a clone under /root), the folder is a temporary one.
    """

    def __init__(self, preferred: Path | None = None) -> None:
        self.user = SERVER_USER if os.geteuid() == 0 else None
        #: Password of the superuser, because other users of the machine can reach loopback.
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
            raise StackError(f"{root} has other files and would be emptied; choose a new folder")
        lock = self._cleanup.enter_context((root / "lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(f"{root} is in use; stop the demo that runs there first") from error
        for leftover in root.iterdir():
            if leftover.name != "lock":
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        return root

    def _temporary(self) -> Path:
        for parent in map(Path, (tempfile.gettempdir(), "/tmp", "/var/tmp")):
            if self._is_reachable(parent):
                root = Path(tempfile.mkdtemp(prefix="pg-migration-exporter-", dir=parent))
                self._cleanup.callback(shutil.rmtree, root, ignore_errors=True)
                root.chmod(0o755)
                return root
        raise StackError(f"the user {self.user} cannot reach a temporary folder")

    def _is_reachable(self, folder: Path) -> bool:
        if self.user is None:
            return True
        # The kernel checks access lists and every parent.
        test = ["test", "-x", str(folder)]
        return subprocess.run(test, check=False, **identity(self.user)).returncode == 0

    def _write_passfile(self) -> Path:
        """Write the password for manual use of psql (PostgreSQL, "The Password File")."""
        passfile = self.root / "pgpass"
        passfile.touch(mode=0o600)
        passfile.write_text(f"*:*:*:*:{self.password}\n")
        return passfile

    def folder(self, name: str, *, for_servers: bool = False) -> Path:
        """
        Create a folder that only its owner can read: the current user, or the servers' user.

        A second folder of the same name gets a number: a test that failed may run again.
        """
        numbered = (self.root / f"{name} {number}" for number in count(2))
        folder = next(path for path in chain([self.root / name], numbered) if not path.exists())
        folder.mkdir(mode=0o700)
        if for_servers:
            self.give(folder)
        return folder

    def give(self, path: Path) -> None:
        """Change the owner of `path` to the servers' user."""
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
