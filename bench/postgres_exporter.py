"""The exporter that is compared: prometheus-community/postgres_exporter."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from testbed.database import Database
from testbed.ports import LOOPBACK
from testbed.programs import program
from testbed.service import HttpService
from testbed.workspace import Workspace


class PostgresExporter(HttpService):
    """postgres_exporter with its defaults, or with `options` and a file of `queries`."""

    health_path = "/"

    def __init__(
        self,
        workspace: Workspace,
        database: Database,
        name: str = "postgres_exporter",
        queries: Mapping[str, Any] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self._database = database
        super().__init__(workspace, name)
        self._options = list(options)
        if queries is not None:
            file = self.folder / "queries.yaml"
            file.write_text(yaml.safe_dump(dict(queries)))
            self._options.append(f"--extend.query-path={file}")

    def environment(self) -> Mapping[str, str]:
        return {"DATA_SOURCE_NAME": self._database.conninfo(sslmode="disable")}

    def command(self) -> Sequence[str | Path]:
        listen = f"--web.listen-address={LOOPBACK}:{self.port}"
        return [program("postgres-exporter"), listen, *self._options]


def no_collectors() -> list[str]:
    """Return the options that switch all collectors off; their names differ between releases."""
    done = subprocess.run(
        [program("postgres-exporter"), "--help"], check=False, capture_output=True, text=True
    )
    names = re.findall(r"--(?:\[no-\])?collector\.(\w+)", done.stdout + done.stderr)
    return [f"--no-collector.{name}" for name in dict.fromkeys(names)]


def version() -> str:
    """Return the release of the installed postgres_exporter, for example 0.11.1."""
    done = subprocess.run(
        [program("postgres-exporter"), "--version"], check=True, capture_output=True, text=True
    )
    return (done.stdout or done.stderr).split()[2].rstrip(",")
