"""What the exporter writes elsewhere than to pages: to a terminal, and to its files."""

from __future__ import annotations

import subprocess

from testbed.database import Database
from testbed.programs import exporter_command
from testbed.waiting import wait_until
from tests.fixtures.exporters import AS_SUPERUSER, StartExporter
from tests.integration.test_limits import HISTORY

#: Clears a terminal, and pretends to be the next line.
_LOCKED_BY = "\x1b[2Jmallory\nWhat to do: nothing"


def test_explain_prints_no_escape_sequence(database: Database) -> None:
    database.execute(HISTORY.format(""))
    database.execute(
        "UPDATE databasechangeloglock SET locked = true, lockgranted = now(), lockedby = %s",
        [_LOCKED_BY],
    )
    done = subprocess.run(
        [exporter_command(), "explain", *AS_SUPERUSER, "--dsn", database.conninfo()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "mallory" in done.stdout
    assert "\x1b" not in done.stdout
    assert not any(line.startswith("What to do: nothing") for line in done.stdout.splitlines())


def test_its_files_are_nobody_else_s(database: Database, start_exporter: StartExporter) -> None:
    state = start_exporter(database).folder / "state.sqlite"
    wait_until(state.exists, 60, "the state is stored")
    assert state.stat().st_mode & 0o077 == 0
