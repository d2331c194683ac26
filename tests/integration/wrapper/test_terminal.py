"""The wrapped command on a terminal: it can be answered, interrupted, stopped and continued."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from testbed.process import clean_environment, descendants
from testbed.waiting import wait_until
from tests.fixtures.processes import DEFAULT_SIGNALS
from tests.fixtures.wrapper import Command, Wrapper

CTRL_C, CTRL_Z = "\x03", "\x1a"


class Session:
    """A session of its own on a new terminal: what is typed, and what is on the screen."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self._master = master
        self._screen = ""

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait_for(self, text: str) -> None:
        """Await `text` on the screen, after what was awaited before."""
        wait_until(
            lambda: text in self._read(), 30, f"the screen shows {text!r}", explain=self._read
        )
        self._screen = self._screen.partition(text)[2]

    def _read(self) -> str:
        with suppress(OSError):  # nothing new, or the other side is closed
            self._screen += os.read(self._master, 65536).decode(errors="replace")
        return self._screen


@contextmanager
def session(command: Command, folder: Path) -> Iterator[Session]:
    """Run `command` as the leader of a session whose terminal is new."""
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    with subprocess.Popen(
        [*DEFAULT_SIGNALS, "setsid", "--ctty", "--wait", *command],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env={**clean_environment(), "PS1": "$ ", "TERM": "dumb"},
    ) as process:
        os.close(slave)
        try:
            yield Session(process, master)
        finally:
            for pid in [process.pid, *descendants(process.pid)]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            os.close(master)


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_it_sees_a_terminal_and_can_be_answered(wrapper: Wrapper, tmp_path: Path) -> None:
    script = "test -t 0 && test -t 1 && test -t 2 && echo ready; read answer; echo got-$answer"
    with session(wrapper.command("sh", "-c", script), tmp_path) as terminal:
        terminal.wait_for("ready")
        terminal.type("42\n")
        terminal.wait_for("got-42")
        assert terminal.process.wait(30) == 0


def test_ctrl_c_interrupts_it(wrapper: Wrapper, tmp_path: Path) -> None:
    with session(wrapper.command("sh", "-c", "echo ready; sleep 1001"), tmp_path) as terminal:
        terminal.wait_for("ready")
        terminal.type(CTRL_C)
        assert terminal.process.wait(30) == 130
    assert wrapper.report().exit_code == 130


def test_ctrl_z_stops_it_and_fg_continues_it(wrapper: Wrapper, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo ready; read answer; echo got-$answer; exit 5\n")
    line = " ".join(map(str, wrapper.command("sh", script)))
    with session(["bash", "--norc", "--noprofile", "-i"], tmp_path) as shell:
        shell.type(f"{line}; echo code-$?\n")
        shell.wait_for("\nready")
        started = descendants(shell.process.pid)
        shell.type(CTRL_Z)
        shell.wait_for("Stopped")
        wait_until(lambda: state_of(started[-1]) == "T", 60, "the command is stopped")
        shell.type("fg; echo code-$?\n")
        shell.wait_for("run --config")
        shell.type("42\n")
        shell.wait_for("got-42")
        shell.wait_for("code-5")
        shell.type("exit\n")
        shell.process.wait(30)
