"""The migrations of a soak: one succeeds, one fails at a bad change, and all is dropped."""

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
    """Liquibase's command, the state that it leaves behind, whether the files hold a bad change."""

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
    """Runs the steps with files of its own, which the exporter reads as well."""

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
        """What the exporter must know: without the files, a fast failing run looks like none."""
        return {"changelogs": [{"file": _ROOT, "search_path": [str(self.folder)]}]}

    def run(self, step: Step) -> None:
        """Deliver the files, then run Liquibase, whatever its exit code."""
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
