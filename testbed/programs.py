"""Paths of the programs of the testbed, and the Debian package of each.

`python3 -m testbed.programs [GROUP...]` prints the packages whose programs are missing, one a
line. `make setup` runs it before there is a virtual environment: standard library only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from testbed.errors import MissingProgramError

ROOT = Path(__file__).resolve().parents[1]
LIQUIBASE_HOME = ROOT / ".tools/node_modules/liquibase/dist/liquibase"
OLDEST_POSTGRES = 14


def _in_path(*names: str) -> Path | None:
    """Debian keeps some servers in sbin folders, which are not in an ordinary user's PATH."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])
    found = (shutil.which(name, path=path) for name in names)
    return next((Path(program) for program in found if program), None)


def _file(path: str) -> Path | None:
    return Path(path) if Path(path).exists() else None


def _java() -> Path | None:
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else None
    return java if java and java.is_file() else _in_path("java")


def _bindirs() -> Iterator[Path]:
    if chosen := os.environ.get("PG_BINDIR"):
        yield Path(chosen)
        return
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(installed, key=lambda bindir: _number(bindir.parent.name), reverse=True)
    if pg_config := _in_path("pg_config"):
        yield Path(_output(pg_config, "--bindir"))


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def postgres_version(bindir: Path) -> str:
    """Release of the server in `bindir`, for example 15.18 or 19beta1."""
    return _output(bindir / "postgres", "--version").split()[2]


def postgres_major(bindir: Path) -> int:
    """Major release of the server in `bindir`, for example 15."""
    return int(re.split(r"\D", postgres_version(bindir))[0])


def _has_server(bindir: Path) -> bool:
    """Return whether a server runs from `bindir`: new enough, and with pg_stat_statements."""
    if not all((bindir / name).is_file() for name in ("postgres", "initdb", "pg_config")):
        return False
    shared = Path(_output(bindir / "pg_config", "--sharedir"))
    is_complete = (shared / "extension/pg_stat_statements.control").is_file()
    return is_complete and _number(postgres_version(bindir)[:2]) >= OLDEST_POSTGRES


def _postgres() -> Path | None:
    return next((bindir / "postgres" for bindir in _bindirs() if _has_server(bindir)), None)


def _libfaketime() -> Path | None:
    """A library, in a folder that is named after the machine's architecture."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@dataclass(frozen=True, slots=True)
class Program:
    """One program: how it is found (None: it is not here) and what brings it."""

    find: Callable[[], Path | None]
    package: str
    group: str = "stack"


PROGRAMS = {
    "postgres": Program(_postgres, "postgresql"),
    "pgbouncer": Program(lambda: _in_path("pgbouncer"), "pgbouncer"),
    "prometheus": Program(lambda: _in_path("prometheus"), "prometheus"),
    "promtool": Program(lambda: _in_path("promtool"), "prometheus"),
    "alertmanager": Program(
        lambda: _in_path("prometheus-alertmanager", "alertmanager"), "prometheus-alertmanager"
    ),
    "amtool": Program(lambda: _in_path("amtool"), "prometheus-alertmanager"),
    "java": Program(_java, "default-jre-headless"),
    "npm": Program(lambda: _in_path("npm"), "npm"),
    "mvn": Program(lambda: _in_path("mvn"), "maven", "maven"),
    "javac": Program(lambda: _in_path("javac"), "default-jdk-headless", "maven"),
    "node": Program(lambda: _in_path("node", "nodejs"), "nodejs", "test"),
    "vmalert": Program(lambda: _in_path("vmalert"), "victoria-metrics", "test"),
    "libfaketime": Program(_libfaketime, "libfaketime", "test"),
    "postgres-exporter": Program(
        lambda: _in_path("prometheus-postgres-exporter"), "prometheus-postgres-exporter", "bench"
    ),
    "chromium": Program(lambda: _in_path("chromium"), "chromium", "browser"),
    "tmux": Program(lambda: _in_path("tmux"), "tmux", "browser"),
    "liberation fonts": Program(
        lambda: _file("/usr/share/fonts/truetype/liberation"), "fonts-liberation", "browser"
    ),
}


@cache
def program(name: str) -> Path:
    """Path of one of `PROGRAMS`; raises MissingProgramError."""
    wanted = PROGRAMS[name]
    found = wanted.find()
    if found is None:
        raise MissingProgramError(
            f"{name} is not installed: run `make setup` (Debian package {wanted.package})"
        )
    return found


def postgres_bindir() -> Path:
    """Folder of the newest PostgreSQL server's programs, or $PG_BINDIR."""
    return program("postgres").parent


def packaged_postgres_bindir(major: int) -> Path:
    """Folder of another major's programs, which `make test` and `make test-platforms` download."""
    for bindir in (ROOT / ".tools").glob(f"*/node_modules/postgresql-{major}/native/bin"):
        return bindir
    raise MissingProgramError(
        f"PostgreSQL {major} is not here: run `scripts/setup.sh servers matrix`"
    )


def liquibase_jars(version: str) -> Path:
    """Folder with the jars of a version, or of `sessionlock`, that scripts/liquibase.sh brings."""
    folder = ROOT / ".tools/liquibase" / version
    if not folder.is_dir():
        message = f"Liquibase {version} is not there: run `scripts/liquibase.sh {version}`"
        raise MissingProgramError(message)
    return folder


def liquibase_home() -> Path:
    """Folder that holds internal/lib/liquibase-core.jar and the JDBC driver."""
    if not LIQUIBASE_HOME.is_dir():
        raise MissingProgramError("Liquibase is not installed: run `make setup`")
    return LIQUIBASE_HOME


def exporter_command() -> Path:
    """The exporter of the virtual environment this Python runs in."""
    command = Path(sys.prefix, "bin", "pg-migration-exporter")
    if not command.is_file():
        raise MissingProgramError("pg-migration-exporter is not installed: run `make setup`")
    return command


def missing_packages(groups: set[str]) -> list[str]:
    """Debian packages to install so that every program of `groups` is found."""
    wanted = (program for program in PROGRAMS.values() if program.group in groups)
    return sorted({program.package for program in wanted if program.find() is None})


if __name__ == "__main__":
    print("\n".join(missing_packages(set(sys.argv[1:]) or {"stack"})), end="")
