"""Real Liquibase runs against a database of the stack."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from testbed.database import Database
from testbed.process import Process, clean_environment, guarded
from testbed.programs import liquibase_home, program

#: A short-lived JVM gains nothing from the optimizing compiler or a parallel collector.
JVM_OPTIONS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")


@dataclass(frozen=True, slots=True)
class Liquibase:
    """Liquibase for one changelog and one database.

    `changelog` is relative to `search_path`. The session names itself `liquibase`, as the
    exporter asks its users to do; `application_name=None` leaves the driver's own name.
    """

    database: Database
    search_path: Path
    changelog: str
    application_name: str | None = "liquibase"
    home: Path | None = None

    @property
    def url(self) -> str:
        name = self.application_name
        return self.database.jdbc_url + (f"?ApplicationName={name}" if name else "")

    def command(self, *arguments: str) -> list[str | Path]:
        """Command line, for example of `update`; all else is in `environment`."""
        jar = self._home / "internal/lib/liquibase-core.jar"
        return [program("java"), *JVM_OPTIONS, "-jar", jar, *arguments]

    def environment(self) -> dict[str, str]:
        """Where and what: the password must not be on a command line."""
        return {
            "LIQUIBASE_HOME": str(self._home),
            "LIQUIBASE_SHOW_BANNER": "false",
            "LIQUIBASE_SEARCH_PATH": str(self.search_path),
            "LIQUIBASE_COMMAND_CHANGELOG_FILE": self.changelog,
            "LIQUIBASE_COMMAND_URL": self.url,
            "LIQUIBASE_COMMAND_USERNAME": self.database.user,
            "LIQUIBASE_COMMAND_PASSWORD": self.database.password,
        }

    @property
    def _home(self) -> Path:
        return self.home or liquibase_home()

    def run(
        self, *arguments: str, environment: Mapping[str, str] | None = None, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run to its end, whatever its exit code: the summary is in stdout, all else in stderr."""
        return subprocess.run(
            guarded(self.command(*arguments)),
            cwd=self.search_path,
            env={**clean_environment(), **self.environment(), **(environment or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *arguments: str, log: Path) -> Process:
        """Start in the background; its whole output goes to `log`."""
        process = Process(
            f"liquibase {' '.join(arguments)}",
            log=log,
            folder=self.search_path,
            environment=self.environment(),
        )
        return process.start(self.command(*arguments))
