"""The gate in this process, on a server of its own whose every check can pass."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pg_migration_exporter.config import Settings, load_settings
from pg_migration_exporter.config.checks import Phase
from pg_migration_exporter.config.schema import DEFAULT_TARGET
from pg_migration_exporter.gate.awaited import wait_for
from pg_migration_exporter.gate.check import Finding
from pg_migration_exporter.gate.model import Check, GateReport
from pg_migration_exporter.gate.profile import Profile
from pg_migration_exporter.gate.question import Question
from pg_migration_exporter.gate.run import run_gate
from pg_migration_exporter.gate.subject import open_server
from testbed.database import Database
from testbed.liquibase import Liquibase
from testbed.postgres import Server
from testbed.programs import packaged_postgres_bindir, postgres_bindir
from testbed.workspace import Workspace
from tests.fixtures.servers import with_certificate

#: The role of the exporter, the one that migrates, the one of the application.
ROLES = ("watcher", "deployer", "quest_app")
#: The second changeset holds a table, and ends when the advisory lock 7 is free.
CHANGELOG = """--liquibase formatted sql

--changeset alice:create-quests
CREATE TABLE gameplay.quests (id int PRIMARY KEY, level int NOT NULL);

--changeset alice:import-quests splitStatements:false
DO $$ BEGIN
  LOCK TABLE gameplay.zones IN ACCESS EXCLUSIVE MODE;
  INSERT INTO gameplay.quests SELECT g, g FROM generate_series(1, 100) g;
  WHILE NOT pg_try_advisory_lock_shared(7) LOOP PERFORM pg_sleep(0.05); END LOOP;
  PERFORM pg_advisory_unlock_shared(7);
END $$;
"""
_FILE = "quests.sql"
_SETTINGS = {
    "archive_mode": "on",
    "archive_timeout": "60",
    "autovacuum": "off",
    "log_statement": "ddl",
    "max_prepared_transactions": "2",
    "max_slot_wal_keep_size": "16MB",
}
PROFILE: dict[str, Any] = {
    "connections": 50,
    "standbys": 0,
    "migrators": ["deployer"],
    "applications": ["quest_app"],
    "schemas": ["gameplay"],
    "tag": "before",
    "window_ends": "2099-01-01T00:00:00Z",
}


@dataclass
class Gate:
    """A server, its database `game`, and the changelog that migrates it."""

    server: Server
    database: Database
    folder: Path

    @property
    def liquibase(self) -> Liquibase:
        return Liquibase(self.database, self.folder, _FILE)

    def conninfo(self, role: str = "watcher") -> str:
        """The role's connection string, over TLS."""
        return self.database.as_user(role).conninfo(sslmode="require")

    def settings(self, role: str, overrides: Mapping[str, Any] | None = None) -> Settings:
        """The configuration of the role."""
        changelog = {"file": _FILE, "search_path": [str(self.folder)]}
        given = {"liquibase": {"changelogs": [changelog]}} | dict(overrides or {})
        return load_settings(dsn=self.conninfo(role), overrides=given)

    def report(
        self,
        phase: Phase,
        *,
        role: str = "watcher",
        observe: float = 0.0,
        settings: Mapping[str, Any] | None = None,
        **profile: Any,
    ) -> GateReport:
        """Ask, with the profile that expects most."""
        loaded = self.settings(role, settings)
        question = Question(phase, Profile.model_validate(PROFILE | profile), "warning")

        async def ask() -> GateReport:
            async with open_server(loaded, DEFAULT_TARGET) as server:
                return await run_gate(server, question, observe, 0.0)

        return asyncio.run(ask())

    def wait(self, condition: str, timeout: float) -> Finding:
        """Wait for a state of the migration."""

        async def wait() -> Finding:
            async with open_server(self.settings("watcher"), DEFAULT_TARGET) as server:
                return await wait_for(server, condition, timeout)

        return asyncio.run(wait())

    def ask(self, phase: Phase, **options: Any) -> dict[str, Check]:
        """The checks by name."""
        return {check.name: check for check in self.report(phase, **options).checks}

    def forget_the_migration(self) -> None:
        """Let both changesets be pending again, whatever a failed test left."""
        self.database.execute("DROP TABLE IF EXISTS gameplay.quests")
        self.database.execute("DELETE FROM databasechangelog WHERE author = 'alice'")
        (self.folder / _FILE).write_text(CHANGELOG)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """With --every-major the oldest and the newest too."""
    if "gate" in metafunc.fixturenames:
        every = metafunc.config.getoption("--every-major")
        majors = [14, None, 18] if every else [None]
        metafunc.parametrize("gate", majors, indirect=True, scope="module", ids=str)


@pytest.fixture(scope="module")
def gate(workspace: Workspace, request: pytest.FixtureRequest) -> Iterator[Gate]:
    """One server for all cases; its WAL is archived while its folder has `archive_works`."""
    major: int | None = request.param
    bindir = packaged_postgres_bindir(major) if major else postgres_bindir()
    server = Server(workspace, f"gate_{major or 'own'}", bindir=bindir)
    server.configure(
        _SETTINGS
        | {"archive_command": f"test -e {server.folder}/archive_works"}
        | {"ssl_min_protocol_version": "TLSv1.3"}
        | with_certificate(server)
    )
    server.workspace.give(_touched(server.folder / "archive_works"))
    with server:
        yield _prepared(server)


def _touched(path: Path) -> Path:
    path.touch()
    return path


def _prepared(server: Server) -> Gate:
    """Make the database, its roles, and the state before the migration: a tag and a backup."""
    database = server.create_database("game")
    database.execute("CREATE EXTENSION pg_stat_statements")
    for role in ROLES:
        server.create_role(role)
    database.execute("CREATE SCHEMA gameplay; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    database.execute("CREATE TABLE gameplay.zones (id int)")
    database.execute("GRANT pg_monitor TO watcher")
    database.execute("ALTER ROLE deployer SET lock_timeout = '5s'")
    database.execute("ALTER ROLE deployer IN DATABASE game SET statement_timeout = '30min'")
    folder = server.folder / "changelog"
    folder.mkdir()
    (folder / _FILE).write_text(CHANGELOG)
    gate = Gate(server, database, folder)
    done = gate.liquibase.run("tag", "before")
    assert done.returncode == 0, done.stderr
    database.execute("GRANT SELECT ON databasechangelog, databasechangeloglock TO watcher")
    backup(database)
    return gate


def backup(database: Database) -> None:
    """Take a base backup of no file: what it leaves in the primary is the same."""
    started, stopped = "pg_backup_start", "pg_backup_stop"
    if database.value("SELECT current_setting('server_version_num')::int < 150000"):
        started, stopped = "pg_start_backup", "pg_stop_backup"
    exclusive = ", false" if started == "pg_start_backup" else ""
    end = "false" if exclusive else ""
    with database.connect() as connection:
        connection.execute(f"SELECT {started}('test', true{exclusive})".encode())
        connection.execute(f"SELECT {stopped}({end})".encode())
