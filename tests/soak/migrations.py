"""The steps of a soak's migrations: one succeeds, one fails, and everything is dropped."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from testbed.database import Database
from testbed.liquibase import Liquibase
from tests.fixtures.migrations import CHANGELOG, MASTER

_ROOT = "soak.xml"
_BAD_CHANGE = "t/fail_check.sql"


@dataclass(frozen=True, slots=True)
class Step:
    """A Liquibase command, the state after it, and whether the files contain a bad change."""

    command: str
    leaves: str
    is_bad: bool = False

    def __str__(self) -> str:
        return f"{self.command} of a {'bad' if self.is_bad else 'good'} changelog"


STEPS = (
    Step("update", "succeeded"),
    Step("update", "failed", is_bad=True),
    Step("drop-all", "not_initialised"),
)


@dataclass(frozen=True, slots=True)
class Migrations:
    """Runner of the steps, with changelog files that the exporter reads too."""

    database: Database
    folder: Path

    @classmethod
    def prepare(cls, database: Database, folder: Path) -> Self:
        """Copy the changelog of the demo."""
        shutil.copytree(CHANGELOG, folder)
        migrations = cls(database, folder)
        migrations._write(is_bad=False)
        return migrations

    @property
    def settings(self) -> dict[str, Any]:
        """The exporter's settings: without the files, it may miss a run that fails quickly."""
        return {"changelogs": [{"file": _ROOT, "search_path": [str(self.folder)]}]}

    def run(self, step: Step) -> None:
        """Write the files, then run Liquibase and ignore its exit code."""
        self._write(is_bad=step.is_bad)
        if step.command == "drop-all":
            self.database.execute("DROP SCHEMA IF EXISTS gameplay CASCADE")
        Liquibase(self.database, self.folder, _ROOT).run(step.command)

    def _write(self, *, is_bad: bool) -> None:
        files = [MASTER, *([_BAD_CHANGE] if is_bad else [])]
        includes = "".join(f'<include file="{file}"/>' for file in files)
        (self.folder / _ROOT).write_text(
            '<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog"'
            ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation='
            '"http://www.liquibase.org/xml/ns/dbchangelog'
            ' http://www.liquibase.org/xml/ns/dbchangelog/dbchangelog-latest.xsd">'
            f"{includes}</databaseChangeLog>"
        )
