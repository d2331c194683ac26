"""Give the terminal to the command's process group, as a shell does for its jobs.

Otherwise Liquibase could not read from the terminal, and Ctrl-C or Ctrl-Z would reach only this
process. Source: the GNU C Library's manual, "Implementing a Shell".
"""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terminal:
    """The controlling terminal, by its file descriptor."""

    descriptor: int

    @classmethod
    def in_foreground(cls) -> Terminal | None:
        """Return the terminal, if this process is in its foreground group."""
        with contextlib.suppress(OSError):
            terminal = cls(os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC))
            if terminal.is_ours():
                return terminal
            os.close(terminal.descriptor)
        return None

    def is_ours(self) -> bool:
        """Whether this process's group is in the foreground."""
        return os.tcgetpgrp(self.descriptor) == os.getpgrp()

    def give_to(self, group: int) -> None:
        """Put a process group into the foreground; also works from the background."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            with contextlib.suppress(OSError):  # the terminal or the group no longer exists
                os.tcsetpgrp(self.descriptor, group)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def suspend(self, group: int) -> None:
        """Stop this process's group because `group` was stopped; return when both continue."""
        self.give_to(os.getpgrp())
        os.kill(0, signal.SIGTSTP)
        if self.is_ours():
            self.give_to(group)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGCONT)
