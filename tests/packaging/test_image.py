"""The Dockerfile: clean for the linter, and each of its commands works outside of Docker too."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pg_migration_exporter.cli import build_parser
from tests.packaging.conftest import ROOT, Installed, InstalledExporter, run

DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")


def instruction(name: str) -> str:
    """Arguments of the last instruction of this name, which is the one that counts."""
    found: list[str] = re.findall(rf"(?m)^{name} +(.*)$", DOCKERFILE)
    return found[-1]


def copied() -> set[str]:
    """What the builder takes from the checkout."""
    lines = re.findall(r"(?m)^COPY (?!--from)(.*)$", DOCKERFILE)
    return {source.rstrip("/") for line in lines for source in line.split()[:-1]}


def test_hadolint_has_nothing_to_say() -> None:
    assert run(Path(sys.executable).with_name("hadolint"), "Dockerfile") == ""


def test_builder_sees_what_it_copies_and_nothing_else() -> None:
    admitted = re.findall(r"(?m)^!(.*)$", (ROOT / ".dockerignore").read_text())
    assert set(admitted) == copied()
    assert all((ROOT / source).exists() for source in copied())


def test_user_is_a_number_other_than_root() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", instruction("USER"))


def test_default_command_serves_the_exposed_port_on_every_interface() -> None:
    program, *arguments = json.loads(instruction("ENTRYPOINT")) + json.loads(instruction("CMD"))
    assert program == build_parser().prog
    assert build_parser().parse_args(arguments).listen == f"0.0.0.0:{instruction('EXPOSE')}"


@pytest.fixture
def is_healthy(installed: Installed, installed_exporter: InstalledExporter) -> Callable[[], bool]:
    """The image's health check, aimed at the port of an exporter that runs here."""
    check = instruction("HEALTHCHECK").partition(" CMD ")[2]
    aimed = json.loads(check.replace(instruction("EXPOSE"), str(installed_exporter.port)))
    path = {"PATH": str(installed.command.parent)}  # first in the PATH of the image as well
    return lambda: subprocess.run(aimed, check=False, env=path).returncode == 0


def test_health_check_tells_a_running_exporter_from_a_stopped_one(
    installed_exporter: InstalledExporter, is_healthy: Callable[[], bool]
) -> None:
    assert is_healthy()
    installed_exporter.process.stop(number=signal.Signals[instruction("STOPSIGNAL")])
    assert installed_exporter.process.returncode == 0
    assert not is_healthy()
