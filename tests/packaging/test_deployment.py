"""The examples to start from: compose.yaml and the systemd unit fit the exporter."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.stack.programs import program
from pg_migration_exporter.cli import build_parser
from pg_migration_exporter.config import load_settings
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


def test_prometheus_accepts_its_configuration() -> None:
    [[source, *_]] = [mount for mount in mounts("prometheus") if mount[1].endswith(".yml")]
    run(program("promtool"), "check", "config", "--syntax-only", source)


def test_unit_starts_the_command() -> None:
    [start] = [line for line in UNIT.read_text().splitlines() if line.startswith("ExecStart=")]
    command, *arguments = shlex.split(start.removeprefix("ExecStart="))
    assert Path(command).name == build_parser().prog
    assert build_parser().parse_args(arguments).config.is_absolute()
