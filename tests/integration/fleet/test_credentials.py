"""Each source of a password, with a real server that asks for it at each connection."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.database import Database
from testbed.ports import LOOPBACK
from testbed.postgres import Server
from testbed.process import descendants
from tests.fixtures.exporters import StartExporter, scrape, scrape_until

SECRET = "s3cret: of ünusual 'bytes' \\"
OTHER = "an0ther"

_END = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s"


@pytest.fixture
def role(server: Server, database: Database) -> Iterator[Database]:
    """The database as a role whose password is SECRET."""
    name = f"role_{database.name}"
    server.create_role(name)
    database.execute(f"GRANT pg_monitor TO {name}")
    set_password(database, name, SECRET)
    yield database.as_user(name)
    database.execute(_END, [name])
    database.execute(f"REVOKE pg_monitor FROM {name}")
    database.execute(f"DROP ROLE {name}")


def set_password(database: Database, role: str, password: str) -> None:
    quoted = password.replace("'", "''")
    database.execute(f"ALTER ROLE {role} PASSWORD '{quoted}'")


def dsn(role: Database, **more: str) -> str:
    parts = {"host": LOOPBACK, "port": role.port, "dbname": role.name, "user": role.user} | more
    return " ".join(f"{key}={value}" for key, value in parts.items())


def printing(password: str) -> list[str]:
    """A command that prints the password, and on standard error what nobody may see."""
    program = f"import sys; sys.stdout.reconfigure(encoding='utf-8'); print({password!r})"
    return [sys.executable, "-c", f"{program}; print('leaked', file=sys.stderr)"]


def from_file(role: Database, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    (folder / "password").write_text(f"{SECRET}\n", encoding="utf-8")
    return {"dsn": dsn(role), "password_file": str(folder / "password")}, {}


def from_environment(role: Database, _: Path) -> tuple[dict[str, Any], dict[str, str]]:
    return {"dsn": dsn(role), "password_env": "DB_PASSWORD"}, {"DB_PASSWORD": SECRET}


def from_command(role: Database, _: Path) -> tuple[dict[str, Any], dict[str, str]]:
    return {"dsn": dsn(role), "password_command": printing(SECRET)}, {}


def from_passfile(role: Database, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    file = folder / "passfile"
    escaped = SECRET.replace("\\", "\\\\").replace(":", "\\:")
    file.write_text(f"{LOOPBACK}:{role.port}:*:{role.user}:{escaped}\n", encoding="utf-8")
    file.chmod(0o600)
    return {"dsn": dsn(role, passfile=str(file))}, {}


def from_service(role: Database, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    file = folder / "services"
    lines = [f"{part}" for part in dsn(role).split(" ")]
    file.write_text("\n".join(["[game]", *lines, f"password={SECRET}"]), encoding="utf-8")
    return {"dsn": "service=game"}, {"PGSERVICEFILE": str(file)}


def test_sources(role: Database, start_exporter: StartExporter, tmp_path: Path) -> None:
    sources = (from_file, from_environment, from_command, from_passfile, from_service)
    targets, variables = [], dict[str, str]()
    for source in sources:
        postgres, needed = source(role, tmp_path)
        targets.append({"name": source.__name__, "postgres": postgres})
        variables |= needed
    exporter = start_exporter(variables=variables, targets=targets)
    for source in sources:
        page = scrape(exporter, source.__name__)
        assert (source.__name__, page.value("postgres_up")) == (source.__name__, 1)
        assert page.value("migration_exporter_database_up", datname=role.name) == 1
        assert "s3cret" not in page.text
    for text in (exporter.process.output(), exporter.get("/api/v1/status").text):
        assert "s3cret" not in text
        assert "leaked" not in text


def test_password_of_libpqs_environment(role: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(variables={"PGPASSWORD": SECRET}, postgres={"dsn": dsn(role)})
    assert scrape(exporter).value("postgres_up") == 1


def test_a_rotated_password_is_read_at_the_next_connection(
    database: Database, role: Database, start_exporter: StartExporter, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(SECRET, encoding="utf-8")
    command = [sys.executable, "-c", f"print(open({str(file)!r}, encoding='utf-8').read())"]
    command[2] = f"import sys; sys.stdout.reconfigure(encoding='utf-8'); {command[2]}"
    exporters = [
        start_exporter(postgres={"dsn": dsn(role)} | source)
        for source in ({"password_file": str(file)}, {"password_command": command})
    ]
    for exporter in exporters:
        assert scrape(exporter).value("postgres_up") == 1

    set_password(database, role.user, OTHER)
    file.write_text(OTHER)
    database.execute(_END, [role.user])
    for exporter in exporters:
        scrape_until(exporter, is_up, "it is connected again")


def is_up(page: Any) -> bool:
    return bool(page.value("postgres_up") == 1)


FAILING: dict[str, tuple[dict[str, Any], str]] = {
    "unset": ({"password_env": "NOT_SET"}, "the environment variable NOT_SET is not set"),
    "no-file": ({"password_file": "/nowhere"}, "/nowhere cannot be read: No such file"),
    "no-program": ({"password_command": ["/nowhere"]}, "/nowhere cannot be run: No such file"),
    "status": ({"password_command": ["false"]}, "false failed with exit status 1"),
    "silent": ({"password_command": ["true"]}, "true printed no password of 1 to"),
    "endless": ({"password_command": ["yes"]}, "yes printed no password of 1 to"),
    "slow": (
        {"password_command": ["sleep", "1000"], "password_command_timeout": "300ms"},
        "sleep did not end within 0.3 s",
    ),
    "bytes": (
        {"password_command": ["printf", r"\377"]},
        "printf printed something that is not",
    ),
}


def test_a_source_that_fails_is_named(role: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(
        targets=[
            {"name": name, "postgres": {"dsn": dsn(role)} | source}
            for name, (source, _) in FAILING.items()
        ]
    )
    for name in FAILING:
        assert scrape(exporter, name).value("postgres_up") == 0
    lines = exporter.process.output().splitlines()
    for name, (source, complaint) in FAILING.items():
        key = next(iter(source))
        failures = [line for line in lines if f"target {name}: scrape failed: " in line]
        assert failures
        assert f"postgres.{key}: {complaint}" in failures[0]
    children = descendants(exporter.process.pid)
    assert [pid for pid in children if "sleep" in Path(f"/proc/{pid}/cmdline").read_text()] == []
