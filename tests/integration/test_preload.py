"""Both extensions that watch statements, loaded in the wrong order."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pg_migration_exporter.postgres.preload import warning
from testbed.database import Database
from testbed.postgres import Server
from testbed.programs import exporter_command
from testbed.workspace import Workspace
from tests.fixtures.exporters import AS_SUPERUSER


@pytest.fixture(scope="module")
def misordered(workspace: Workspace) -> Iterator[Database]:
    """A server with another library in pg_stat_monitor's place: no registry has that one."""
    server = Server(workspace, "misordered")
    pg_config = [str(server.bindir / "pg_config"), "--pkglibdir"]
    libraries = subprocess.run(pg_config, capture_output=True, text=True, check=True).stdout.strip()
    monitor = server.folder / "pg_stat_monitor.so"
    shutil.copy(Path(libraries, "auto_explain.so"), monitor)
    workspace.give(monitor)
    server.configure({"shared_preload_libraries": f'pg_stat_statements, "{monitor}"'})
    with server:
        server.database().execute("CREATE EXTENSION pg_stat_statements")
        yield server.database()


def _check(dsn: str) -> subprocess.CompletedProcess[str]:
    command = [str(exporter_command()), "serve", *AS_SUPERUSER, "--check-config", "--dsn", dsn]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_check_config_tells_what_the_order_loses(misordered: Database) -> None:
    checked = _check(misordered.conninfo())
    assert checked.returncode == 0, checked.stderr
    message = warning("pg_stat_statements, pg_stat_monitor")
    assert f"warning: {message}" in checked.stdout.splitlines()


def test_a_role_that_may_not_read_the_setting_is_told_nothing(misordered: Database) -> None:
    misordered.execute("DROP ROLE IF EXISTS nobody_yet")
    misordered.execute("CREATE ROLE nobody_yet LOGIN PASSWORD 'x'")
    poor = Database(misordered.port, misordered.name, "nobody_yet", "x")
    checked = _check(poor.conninfo())
    assert checked.returncode == 2
    assert "GRANT pg_monitor" in checked.stderr
    assert "warning" not in checked.stderr
