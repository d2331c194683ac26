"""The command line as a user meets it: clear lines, exit codes, nothing secret."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from pg_migration_exporter.collectors import COLLECTORS
from pg_migration_exporter.config import Settings
from testbed.database import Database
from testbed.ports import free_port
from testbed.programs import exporter_command
from tests.fixtures.exporters import AS_SUPERUSER


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [exporter_command(), *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_help_names_every_subcommand() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    for name in ("serve", "config", "collectors", "render", "verify"):
        assert f"\n    {name}" in shown.stdout


def test_the_example_configuration_can_be_used(tmp_path: Path, database: Database) -> None:
    file = tmp_path / "config.yaml"
    example = run("config", "example").stdout
    file.write_text(example.replace("allow_superuser: false", "allow_superuser: true"))
    checked = run("serve", "--check-config", "--config", file, "--dsn", database.conninfo())
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "all works: server, connections" in checked.stdout


def test_collectors_are_listed() -> None:
    listed = run("collectors")
    assert listed.returncode == 0
    assert "liquibase" in listed.stdout


def test_a_reader_that_has_seen_enough_gets_no_traceback() -> None:
    """As `head` does; the first writes less than a buffer, the second more."""
    for arguments in (["collectors"], ["config", "reference"]):
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write) as nobody:
            done = subprocess.run(
                [exporter_command(), *arguments],
                stdout=nobody,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=60,
            )
        assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, ""), arguments


def test_an_unknown_key_is_one_line_and_exit_2(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("postgres: {dsm: 'host=db'}\n")
    refused = run("serve", "--config", file)
    assert refused.returncode == 2
    assert refused.stderr == (
        f"pg-migration-exporter: {file}:1: postgres.dsm: unknown key; did you mean dsn?\n"
    )


def test_a_port_in_use_is_one_line_and_exit_2(database: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused = run("serve", *AS_SUPERUSER, "--listen", address, "--dsn", database.conninfo())
    assert refused.returncode == 2
    assert refused.stderr == (
        f"pg-migration-exporter: cannot listen on {address}: Address already in use; "
        "another process uses this address; stop it, or use another --listen\n"
    )


def test_missing_rights_are_named_with_their_grant(database: Database) -> None:
    database.execute("CREATE ROLE nobody_yet LOGIN PASSWORD 'x'")
    try:
        poor = Database(database.port, database.name, "nobody_yet", "x")
        refused = run("serve", "--check-config", "--dsn", poor.conninfo())
        assert refused.returncode == 2
        assert 'locks cannot run: GRANT pg_monitor TO "nobody_yet";' in refused.stderr
        [works] = re.findall(r"(?m)^what works: (.*)$", refused.stderr)
        assert works.split(", ") == [
            collector.name
            for collector in COLLECTORS
            if collector.default_on
            and not collector.requires
            and collector.is_configured(Settings())
        ]
    finally:
        database.execute("DROP ROLE nobody_yet")


def test_an_unreachable_server_is_named_without_its_password() -> None:
    dsn = f"postgresql://watcher:s3cret@127.0.0.1:{free_port()}/quests"
    refused = run("serve", "--check-config", "--dsn", dsn)
    assert refused.returncode == 2
    assert "the server cannot be reached: 127.0.0.1:" in refused.stderr
    assert "refused" in refused.stderr
    assert "s3cret" not in refused.stderr


def test_a_wrong_password_is_said_and_not_repeated(database: Database) -> None:
    refused = run("serve", "--check-config", "--dsn", database.conninfo(password="s3cret"))
    assert refused.returncode == 2
    assert "password authentication failed" in refused.stderr
    assert "s3cret" not in refused.stderr


@pytest.mark.parametrize("arguments", [["serve", "--lisen", ":1"], ["sevre"], []])
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    refused = run(*arguments)
    assert refused.returncode == 2
    assert refused.stderr.startswith("usage: pg-migration-exporter")
