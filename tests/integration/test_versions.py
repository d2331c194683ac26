"""The oldest and the newest PostgreSQL, one that is too old, and the one of the machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from demo.stack.database import Database
from demo.stack.postgres import Server
from demo.stack.programs import exporter_command, packaged_postgres_bindir
from demo.stack.workspace import Workspace
from tests.fixtures.exporters import StartExporter, scrape


@contextmanager
def server_of(workspace: Workspace, major: int) -> Iterator[Server]:
    """A server of another major; copied to where the servers' user can run it."""
    native = packaged_postgres_bindir(major).parent
    copied = workspace.root / f"programs_{major}"
    if not copied.exists():
        shutil.copytree(native, copied, symlinks=True)
    with Server(workspace, f"postgres_{major}", bindir=copied / "bin") as server:
        yield server


@pytest.mark.parametrize("major", [14, 18])
def test_the_whole_catalogue_runs(
    workspace: Workspace, start_exporter: StartExporter, major: int
) -> None:
    with server_of(workspace, major) as server:
        server.database().execute("CREATE EXTENSION pg_stat_statements")
        exporter = start_exporter(server.database())
        for _ in range(2):
            page = scrape(exporter)
            [info] = page.families["postgres_info"].samples
            assert info.labels["version"].startswith(f"{major}.")
            assert page.values("migration_exporter_collector_skipped") == []
            assert set(page.values("migration_exporter_collector_success")) == {1}
        exporter.stop()


def test_a_server_that_is_too_old_is_seen_and_said(
    workspace: Workspace, start_exporter: StartExporter
) -> None:
    with server_of(workspace, 13) as server:
        exporter = start_exporter(server.database())
        page = scrape(exporter)
        assert page.value("postgres_up") == 1
        assert page.value("migration_exporter_collector_success", collector="server") == 1
        skipped = {"collector": "liquibase", "reason": "server_version"}
        assert page.value("migration_exporter_collector_skipped", **skipped) == 1
        exporter.stop()

        refused = check_config(server.database())
        assert refused.returncode == 2
        assert "PostgreSQL 14 or newer is needed, this server is 13." in refused.stderr
        assert refused.stderr.endswith("what works: server\n")


def check_config(database: Database) -> subprocess.CompletedProcess[str]:
    command = [exporter_command(), "serve", "--check-config", "--dsn", database.conninfo()]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
