"""The command as a child process: in its own process group, with every signal forwarded.

Liquibase's launcher does not forward signals to its JVM: a migration would go on after its launcher
was terminated. Here a signal goes to the whole group.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from types import FrameType

from pg_migration_exporter.liquibase.wrapper.terminal import Terminal

_FORWARDED = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
#: Python ignores these; the command must get the default.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
#: Seconds to wait for the rest of a group when its leader was killed: a JVM needs a moment.
_GROUP_ENDS_WITHIN = 10.0


class Child:
    """One run of the command: `start`, then `wait`, in the main thread."""

    def __init__(self) -> None:
        self._group: int | None = None
        self._early: list[int] = []
        self._terminal: Terminal | None = None

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Start the command; return its process id, which is also its group's. Raises OSError."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if ignored, the exit code is lost
        for number in _FORWARDED:
            # The command also ignores what this process was started to ignore (nohup).
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._forward)
        self._terminal = Terminal.in_foreground()
        group = os.posix_spawnp(
            command[0], [*command], environment, setpgroup=0, setsigdef=_IGNORED_BY_PYTHON
        )
        self._group = group
        while self._early:
            self._send(self._early.pop())
        if self._terminal is not None:
            self._terminal.give_to(group)
            self._send(signal.SIGCONT)  # reading from the terminal too early has stopped it
        return group

    def wait(self) -> int:
        """Wait for the end; return the exit code as a shell does: 128 + n for signal n."""
        assert self._group is not None
        group = self._group
        while True:
            _, status = os.waitpid(group, os.WUNTRACED if self._terminal else 0)
            if self._terminal is None or not os.WIFSTOPPED(status):
                break
            self._terminal.suspend(group)
        if os.WIFSIGNALED(status):
            _await_end(group)
        self._group = None
        if self._terminal is not None:
            self._terminal.give_to(os.getpgrp())
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code

    def _forward(self, number: int, _: FrameType | None) -> None:
        if self._group is None:
            self._early.append(number)
        else:
            self._send(number)

    def _send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            assert self._group is not None
            os.killpg(self._group, number)


def _await_end(group: int) -> None:
    """Wait until no process is left in `group`."""
    give_up_at = time.monotonic() + _GROUP_ENDS_WITHIN
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < give_up_at:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-group, os.WNOHANG)  # as process 1, orphans are our children
            os.killpg(group, 0)
            time.sleep(0.02)
