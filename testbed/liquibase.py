"""Real Liquibase runs against a database of the stack."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.database import Database
from testbed.process import Process, clean_environment, guarded
from testbed.programs import liquibase_home, liquibase_jars, program

#: A short-lived JVM gains nothing from the optimizing compiler or a parallel collector.
JVM_OPTIONS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
#: The command line of the jars that Maven Central has, which come without a launcher.
_MAIN_CLASS = "liquibase.integration.commandline.LiquibaseCommandLine"


@dataclass(frozen=True, slots=True)
class Liquibase:
    """Liquibase for one changelog and one database.

    `changelog` is relative to `search_path`. The session's application_name is `liquibase`, as the
    exporter expects; `None` leaves the driver's default. `version` is one that
    `scripts/liquibase.sh` has downloaded, None that of `home`. `extensions` are further jars for
    the class path of such a version.
    """

    database: Database
    search_path: Path
    changelog: str
    application_name: str | None = "liquibase"
    home: Path | None = None
    version: str | None = None
    extensions: Sequence[Path] = ()

    @property
    def url(self) -> str:
        name = self.application_name
        return self.database.jdbc_url + (f"?ApplicationName={name}" if name else "")

    def command(self, *arguments: str) -> list[str | Path]:
        """Return the command line, for example of `update`; options are in `environment`."""
        java: list[str | Path] = [program("java"), *JVM_OPTIONS]
        if self.version is None:
            jar = self._home / "internal/lib/liquibase-core.jar"
            return [*java, "-jar", jar, *arguments]
        jars = [f"{liquibase_jars(self.version)}/*", *map(str, self.extensions)]
        return [*java, "-cp", os.pathsep.join(jars), _MAIN_CLASS, *arguments]

    def environment(self) -> dict[str, str]:
        """Return the options; as variables, because the password must not be on a command line."""
        home = {} if self.version else {"LIQUIBASE_HOME": str(self._home)}
        return {
            **home,
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
        """Run to the end, with any exit code; the summary is in stdout, the rest in stderr."""
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
        """Start in the background, with the output in `log`."""
        process = Process(
            f"liquibase {' '.join(arguments)}",
            log=log,
            folder=self.search_path,
            environment=self.environment(),
        )
        return process.start(self.command(*arguments))
