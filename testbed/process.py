"""A supervised child process with a log and a process group, ended with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from testbed.errors import StackError
from testbed.waiting import T, wait_until

#: Prefixes of variables that a child must not inherit: the caller's PostgreSQL, Java and Liquibase
#: settings, and the size of its terminal (which readline exports to processes that pytest starts).
_FOREIGN = ("PG", "JAVA_TOOL_OPTIONS", "LIQUIBASE_", "COLUMNS", "LINES")


def clean_environment() -> dict[str, str]:
    """Return the environment without variables that would reconfigure a server."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}


def guarded(
    command: Sequence[str | Path], orphan_signal: signal.Signals = signal.SIGKILL
) -> list[str | Path]:
    """Return a command that the kernel sends `orphan_signal` when the thread that starts it ends.

    setpriv instead of preexec_fn, which is not safe once this process has threads.
    """
    name = orphan_signal.name.removeprefix("SIG")
    return ["setpriv", "--pdeathsig", name, "--", *command]


def identity(user: str | None) -> dict[str, Any]:
    """Return arguments with which subprocess runs a program as `user`; None: the current one."""
    return {"user": user, "group": user, "extra_groups": []} if user else {}


def descendants(pid: int) -> list[int]:
    """Return the ids of all descendants of `pid` (proc(5), field 4 of stat)."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended in the meantime
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for parent in found:
        found.extend(children.get(parent, ()))
    return found[1:]


@dataclass(slots=True)
class Process:
    """A child in its own process group, which the kernel ends when this process ends.

    The kernel watches the thread that called `start`, which must not end earlier.
    """

    name: str
    log: Path
    folder: Path | None = None
    #: Added to the cleaned environment of this process.
    environment: Mapping[str, str] = field(default_factory=dict)
    #: User to run as; needs root.
    user: str | None = None
    #: Signal from the kernel when this process has ended.
    orphan_signal: signal.Signals = signal.SIGKILL
    _popen: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def start(self, command: Sequence[str | Path]) -> Self:
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                guarded(command, self.orphan_signal),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**clean_environment(), **self.environment},
                process_group=0,
                **identity(self.user),
            )
        return self

    @property
    def pid(self) -> int:
        if self._popen is None:
            raise StackError(f"{self.name} was not started")
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """Exit code, negative for a signal; None while it runs or before it was started."""
        return self._popen.poll() if self._popen else None

    @property
    def is_running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def wait(self, timeout: float) -> int:
        """Exit code, awaited for at most `timeout` seconds."""
        wait_until(lambda: not self.is_running, timeout, f"{self.name} ends", explain=self.tail)
        code = self.returncode
        assert code is not None
        return code

    def wait_until(self, condition: Callable[[], T | None], timeout: float, what: str) -> T:
        """Await `condition` of this process; fails at once when the process has ended."""

        def checked() -> T | None:
            if not self.is_running:
                message = f"{self.name} ended with code {self.returncode} before: {what}"
                raise StackError(f"{message}\n{self.tail()}")
            return condition()

        return wait_until(checked, timeout, f"{self.name}: {what}", explain=self.tail)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this process and to all that descend from it."""
        if not self.is_running:
            return
        for pid in [self.pid, *descendants(self.pid)]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue  # it ended by itself

    def stop(self, timeout: float = 20, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask the process to end, and end it with all its descendants if it does not."""
        if not self.is_running:
            return
        self.thaw()
        os.kill(self.pid, number)
        try:
            self._reap(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def freeze(self) -> None:
        """Stop the process and its descendants where they are; `thaw` lets them go on."""
        self.send(signal.SIGSTOP)
        self.send(signal.SIGSTOP)  # those that were forked while the first ones stopped

    def thaw(self) -> None:
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, to the descendants as well."""
        self.freeze()
        self.send(signal.SIGKILL)
        if self._popen is not None:
            self._reap(timeout=20)

    def _reap(self, timeout: float) -> None:
        if self._popen is not None:
            self._popen.wait(timeout)

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines: int = 15) -> str:
        """End of the log, indented, under the name of its file."""
        last = self.output().splitlines()[-lines:]
        return "\n  ".join([f"the end of {self.log}:", *last])
