"""The oldest and the newest PostgreSQL, one that is too old, and the one of the machine.

With --every-major (`make test-platforms`) all majors that are supported.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pg_migration_exporter.collectors import COLLECTORS
from pg_migration_exporter.config import Settings
from testbed.database import Database
from testbed.postgres import Server
from testbed.programs import exporter_command, postgres_bindir
from testbed.workspace import Workspace
from tests.fixtures.exporters import AS_SUPERUSER, EVERY_COLLECTOR, Page, StartExporter, scrape
from tests.fixtures.servers import ColdStandby, Pair, programs_of

_OWN = "own"
_SKIPPED = "migration_exporter_collector_skipped"
_SUCCESS = "migration_exporter_collector_success"
#: pg_stat_monitor is not installed here.
_EVERYWHERE = [
    collector
    for collector in COLLECTORS
    if all(needed.report_when_missing for needed in collector.requires)
]
_DEFAULT = {
    collector.name
    for collector in _EVERYWHERE
    if collector.default_on and collector.is_configured(Settings())
}

#: A family with a sample on every server since a major, on the side that has it.
_SINCE = {
    "postgres_database_commits_total": 14,
    "postgres_wal_records_total": 14,
    "postgres_wal_writes_total": 14,
    "postgres_checkpoints_timed_total": 14,
    "postgres_bgwriter_buffers_allocated_total": 14,
    "postgres_io_hits_total": 16,
    "postgres_io_read_bytes_total": 16,
    "postgres_restartpoints_done_total": 17,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "major" in metafunc.fixturenames:
        every = metafunc.config.getoption("--every-major")
        majors = ["14", "15", "16", "17", "18"] if every else ["14", _OWN, "18"]
        metafunc.parametrize("major", majors, scope="module")


@pytest.fixture(scope="module")
def pair(workspace: Workspace, major: str) -> Iterator[Pair]:
    """A primary and a standby, with a role that has pg_monitor alone, and one that has nothing."""
    bindir = postgres_bindir() if major == _OWN else programs_of(workspace, major)
    with ExitStack() as stack:
        primary = stack.enter_context(Server(workspace, f"postgres_{major}", bindir=bindir))
        primary.database().execute("CREATE EXTENSION pg_stat_statements")
        primary.database().execute("CREATE TABLE quests (id int PRIMARY KEY)")
        for role in ("monitor", "nobody"):
            primary.create_role(role)
        primary.database().execute("GRANT pg_monitor TO monitor")
        standby = ColdStandby(workspace, f"postgres_{major}_standby", bindir=bindir, source=primary)
        stack.enter_context(standby)
        primary.wait_for_replay(standby)
        yield Pair(primary, standby)


@pytest.mark.parametrize("side", Pair._fields)
def test_the_whole_catalogue_runs_with_pg_monitor_alone(
    pair: Pair, major: str, side: str, start_exporter: StartExporter
) -> None:
    server: Server = getattr(pair, side)
    exporter = start_exporter(server.database().as_user("monitor"), **EVERY_COLLECTOR)
    for _ in range(2):
        page = scrape(exporter)
        [info] = page.families["postgres_info"].samples
        assert info.labels["role"] == side
        assert major in (_OWN, info.labels["version"].partition(".")[0])
        assert page.values(_SKIPPED) == []
        assert names_of(page, _SUCCESS, 1) == {collector.name for collector in _EVERYWHERE}
    number = server.database().value("SELECT current_setting('server_version_num')::int / 10000")
    for family, since in _SINCE.items():
        assert bool(page.values(family)) == (number >= since), family
    on_standby = page.values("postgres_replication_wal_receiver_up")
    assert on_standby == ([1] if side == "standby" else [])
    exporter.stop()


@pytest.mark.parametrize("side", Pair._fields)
def test_without_any_grant_the_rest_runs_and_what_is_missing_is_said(
    pair: Pair, side: str, start_exporter: StartExporter
) -> None:
    nobody = getattr(pair, side).database().as_user("nobody")
    exporter = start_exporter(nobody)
    page = scrape(exporter)
    skipped = names_of(page, _SKIPPED, 1)
    assert skipped == {
        collector.name for collector in _EVERYWHERE if collector.default_on and collector.requires
    }
    assert page.values(_SKIPPED, reason="missing_privilege") == [1] * len(skipped)
    assert names_of(page, _SUCCESS, 1) == _DEFAULT - skipped
    exporter.stop()

    refused = check_config(nobody)
    assert refused.returncode == 2
    assert 'GRANT pg_monitor TO "nobody";' in refused.stderr


def names_of(page: Page, family: str, value: float) -> set[str]:
    """The collectors that a family has this value for."""
    samples = page.families[family].samples
    return {sample.labels["collector"] for sample in samples if sample.value == value}


def test_a_server_that_is_too_old_is_seen_and_said(
    workspace: Workspace, start_exporter: StartExporter
) -> None:
    with Server(workspace, "postgres_13", bindir=programs_of(workspace, "13")) as server:
        exporter = start_exporter(server.database())
        page = scrape(exporter)
        assert page.value("postgres_up") == 1
        assert page.value(_SUCCESS, collector="server") == 1
        skipped = {"collector": "liquibase", "reason": "server_version"}
        assert page.value(_SKIPPED, **skipped) == 1
        exporter.stop()

        refused = check_config(server.database())
        assert refused.returncode == 2
        assert "PostgreSQL 14 or newer is needed, this server is 13." in refused.stderr
        assert "\nwhat works: server\n" in refused.stderr


def check_config(database: Database) -> subprocess.CompletedProcess[str]:
    command = (exporter_command(), "serve", "--check-config", *AS_SUPERUSER)
    return subprocess.run(
        [*command, "--dsn", database.conninfo()],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
