"""The distributions, built once, and an environment that holds what the wheel brings, no more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from testbed.database import Database
from testbed.exporter import Exporter
from testbed.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "exporter/pg_migration_exporter"
RUNTIME_LOCK = ROOT / "requirements/runtime.lock"


def run(
    *command: str | Path, folder: Path = ROOT, environment: Mapping[str, str] | None = None
) -> str:
    """Standard output of a command that succeeds; its errors are part of the test's report."""
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Distributions:
    """What would be published."""

    sdist: Path
    wheel: Path


@dataclass(frozen=True)
class Installed:
    """The command in an environment of its own, run from a folder of its own."""

    command: Path
    folder: Path

    def run(self, *arguments: str | Path) -> str:
        """Standard output of the command, in an environment without PYTHONPATH or our programs."""
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder)}
        return run(self.command, *arguments, folder=self.folder, environment=environment)


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """The sdist, and the wheel that is built from the unpacked sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    [sdist], [wheel] = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Distributions(sdist, wheel)


@pytest.fixture(scope="session")
def installed(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel with its pinned dependencies, installed by the commands of the Dockerfile."""
    environment = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", environment / "bin/python"]
    # Not compiled: the tests import a tenth of what is installed.
    install = [*pip, "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    run(*install, "--require-hashes", "--only-binary", ":all:", "--requirement", RUNTIME_LOCK)
    run(*install, "--no-deps", distributions.wheel)
    run(*pip, "check")
    return Installed(
        environment / "bin/pg-migration-exporter", tmp_path_factory.mktemp("elsewhere")
    )


class InstalledExporter(Exporter):
    """The exporter of the environment that the wheel was installed in."""

    def __init__(self, installed: Installed, workspace: Workspace, database: Database) -> None:
        config = {"postgres": {"dsn": database.conninfo()}}
        super().__init__(workspace, config, f"installed_{database.name}")
        self._installed = installed

    def command(self) -> Sequence[str | Path]:
        _, *arguments = super().command()
        return [self._installed.command, *arguments]


@pytest.fixture
def installed_exporter(
    installed: Installed, workspace: Workspace, database: Database
) -> Iterator[InstalledExporter]:
    """One that serves an empty database."""
    with InstalledExporter(installed, workspace, database) as exporter:
        yield exporter
