"""`watch` in a real terminal (tmux), in a pipe, and for scripts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from pg_migration_exporter.status.model import Status
from testbed.database import Database
from testbed.process import clean_environment
from testbed.programs import exporter_command, program
from testbed.waiting import wait_until
from tests.fixtures.exporters import AS_SUPERUSER, StartExporter


@dataclass(frozen=True)
class Terminal:
    """A terminal with a server of its own, without anybody's configuration."""

    socket: Path

    def tmux(self, *arguments: str | Path) -> str:
        command = [program("tmux"), "-S", self.socket, "-f", "/dev/null", *arguments]
        return subprocess.run(
            command, env=clean_environment(), check=True, capture_output=True, text=True
        ).stdout

    def start(self, *command: str | Path, width: int = 100, height: int = 40) -> None:
        """Run a command; the screen then shows its exit code.

        A shell tells it: tmux 3.3 sometimes misses that what runs in a pane has ended.
        """
        size = ("-x", str(width), "-y", str(height))
        script = 'trap : INT; "$@"; echo "exit code $?"; exec cat'
        self.tmux("new-session", "-d", *size, "sh", "-c", script, "sh", *command)

    def screen(self, *options: str) -> str:
        return self.tmux("capture-pane", "-p", *options)

    def until(self, condition: Callable[[str], object], what: str) -> str:
        """Await a screen."""

        def fits() -> str | None:
            screen = self.screen()
            return screen if condition(screen) else None

        found = wait_until(fits, 30, what, explain=self.screen)
        assert found is not None
        return found


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path / "tmux")
    yield terminal
    subprocess.run([program("tmux"), "-S", terminal.socket, "kill-server"], check=False)


def watch(*arguments: str) -> str:
    """Run the command to its end, outside of a terminal."""
    return subprocess.run(
        [exporter_command(), "watch", *arguments],
        env=clean_environment() | {"TERM": "xterm-256color"},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def test_live_in_a_terminal(
    database: Database, start_exporter: StartExporter, terminal: Terminal
) -> None:
    """It follows what happens, fits into another size, survives a restart, and ends."""
    exporter = start_exporter(database, watch={"interval": "1s", "busy_interval": "500ms"})
    database.execute("CREATE TABLE quests (id int)")
    # As some shells do; the terminal changes its size.
    exported = ("env", "COLUMNS=100", "LINES=40")
    terminal.start(*exported, exporter_command(), "watch", "--url", exporter.url)
    terminal.until(lambda screen: "This database has never been migrated" in screen, "the state")
    assert "\x1b[" in terminal.screen("-e")

    with ThreadPoolExecutor(1) as thread:
        connection = database.connect(application_name="quest-service")
        with connection as holder, holder.transaction():
            holder.execute("INSERT INTO quests VALUES (1)")
            index = "CREATE INDEX ON quests (id)"
            waiting = thread.submit(database.execute, index, application_name="liquibase")
            terminal.until(lambda screen: "liquibase (migration) pid" in screen, "who waits")
            terminal.tmux("resize-window", "-x", "60", "-y", "24")
            narrow = terminal.until(
                lambda screen: "─╮\n" in screen and "more lines; enlarge" in screen,
                "all of a screen of the new size",
            )
            assert max(map(len, narrow.splitlines())) <= 60
            assert "Lock waits" in narrow
        waiting.result(timeout=30)
    terminal.until(lambda screen: "Lock waits" not in screen, "nobody waits")

    exporter.stop()
    terminal.until(lambda screen: "x no status from" in screen, "the exporter is away")
    exporter.start()
    terminal.until(lambda screen: "no status from" not in screen, "it is back")
    terminal.tmux("send-keys", "C-c")
    terminal.until(lambda screen: "exit code 130" in screen, "it ends")


def test_from_the_database_itself(database: Database) -> None:
    text = watch(*AS_SUPERUSER, "--dsn", database.conninfo(), "--once")
    assert "This database has never been migrated" in text
    assert "\x1b" not in text
    assert database.password not in text


def test_for_scripts(database: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(database)
    [line] = watch("--url", exporter.url, "--once", "--json").splitlines()
    assert json.loads(line)["targets"][0]["verdict"]["state"] == "not initialised"
    assert Status.model_validate_json(line)


def test_an_exporter_that_is_not_there() -> None:
    command = (exporter_command(), "watch", "--url", "http://127.0.0.1:9", "--once")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("pg-migration-exporter: no status from http://127.0.0.1:9/")
    assert len(done.stderr.splitlines()) == 1
