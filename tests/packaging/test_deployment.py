"""The examples to start from: compose.yaml and the systemd unit fit the exporter."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict

from pg_migration_exporter.cli import build_parser
from pg_migration_exporter.config import load_settings
from testbed.database import Database
from testbed.ports import LOOPBACK
from testbed.programs import postgres_bindir, program
from tests.packaging.conftest import ROOT, run

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
UNIT = ROOT / "deploy/systemd/pg-migration-exporter.service"
EXPORTER_YAML = ROOT / "deploy/compose/exporter.yaml"


def mounts(service: str) -> list[list[str]]:
    """Source, target and options of what the service mounts."""
    return [mount.split(":") for mount in SERVICES[service]["volumes"]]


@pytest.mark.parametrize("service", SERVICES)
def test_service_is_confined(service: str) -> None:
    settings = SERVICES[service]
    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert not settings.keys() & {"privileged", "cap_add", "devices", "network_mode", "pid"}
    assert all(port.startswith("127.0.0.1:") for port in settings.get("ports", ()))


@pytest.mark.parametrize("service", SERVICES)
def test_service_names_what_exists(service: str) -> None:
    for source, _, *options in mounts(service):
        if source.startswith("./"):
            assert (ROOT / source).exists()
            assert options == ["ro"]
        else:
            assert source in COMPOSE["volumes"]
    for kind in ("networks", "secrets"):
        assert set(SERVICES[service].get(kind, ())) <= set(COMPOSE[kind])
    assert set(SERVICES[service].get("depends_on", ())) <= set(SERVICES)


def test_secrets_are_files_that_git_ignores() -> None:
    for secret in COMPOSE["secrets"].values():
        assert run("git", "check-ignore", secret["file"]).strip() == secret["file"]


def test_exporter_understands_its_command_and_configuration() -> None:
    options = build_parser().parse_args(SERVICES["exporter"]["command"])
    [[source, *_]] = [mount for mount in mounts("exporter") if mount[1] == str(options.config)]
    settings = load_settings(ROOT / source)
    assert str(settings.state_directory) in {target for _, target, *_ in mounts("exporter")}
    assert settings.postgres.password_file == Path("/run/secrets/exporter")


@pytest.fixture
def exporter_role(database: Database) -> Iterator[Database]:
    """The test's database as the role of the example, which may not exist yet."""
    dsn = load_settings(EXPORTER_YAML).postgres.dsn
    assert dsn is not None
    role = conninfo_to_dict(dsn.get_secret_value())["user"]
    assert isinstance(role, str)
    yield replace(database, user=role, password='it\'s a "secret" of $HOME')
    database.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_initialization_lets_the_exporter_in(
    database: Database, exporter_role: Database, tmp_path: Path
) -> None:
    """The image of PostgreSQL runs the scripts in the order of their names, .sql through psql."""
    secret = tmp_path / "exporter"
    secret.write_text(exporter_role.password + "\n")
    environment = {
        **{"PATH": f"{postgres_bindir()}:/usr/bin:/bin", "HOME": str(tmp_path)},
        **{"PGHOST": LOOPBACK, "PGPORT": str(database.port), "PGPASSWORD": database.password},
        **{"POSTGRES_USER": database.user, "POSTGRES_DB": database.name},
        "EXPORTER_PASSWORD_FILE": str(secret),
    }
    psql = ["psql", "--set", "ON_ERROR_STOP=1", "-U", database.user, "-d", database.name, "-f"]
    for source, target, *_ in sorted(mounts("postgres"), key=lambda mount: mount[1]):
        if target.startswith("/docker-entrypoint-initdb.d/"):
            command = [*psql, source] if target.endswith(".sql") else [source]
            run(*command, environment=environment)
    assert exporter_role.value("SELECT pg_has_role('pg_monitor', 'member')")


def test_prometheus_accepts_its_configuration() -> None:
    [[source, *_]] = [mount for mount in mounts("prometheus") if mount[1].endswith(".yml")]
    run(program("promtool"), "check", "config", "--syntax-only", source)


def test_everything_that_is_installed_is_pinned() -> None:
    """Images by digest, packages by hash; our own package brings no others."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    images = re.findall(r"(?m)^FROM (\S+)", dockerfile)
    images += [service["image"] for service in SERVICES.values() if "build" not in service]
    assert len(images) == 4
    for image in images:
        assert re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image), image
    texts = (dockerfile.replace("\\\n", ""), (ROOT / "README.md").read_text(), UNIT.read_text())
    installs = [line for text in texts for line in re.findall(r".*pip.* install .*", text)]
    assert len(installs) >= 6
    for line in installs:
        assert "--require-hashes" in line or "--no-deps" in line, line


@pytest.mark.parametrize("name", ["kubernetes-sidecar.yaml", "kubernetes-daemonset.yaml"])
def test_pods_have_a_seccomp_profile(name: str) -> None:
    [text] = [path.read_text() for path in (ROOT / "fluent-bit").rglob(name)]
    assert "seccompProfile: {type: RuntimeDefault}" in text


def test_unit_starts_the_command() -> None:
    [start] = [line for line in UNIT.read_text().splitlines() if line.startswith("ExecStart=")]
    command, *arguments = shlex.split(start.removeprefix("ExecStart="))
    assert Path(command).name == build_parser().prog
    assert build_parser().parse_args(arguments).config.is_absolute()
