"""The schema of checks: one SQL statement each, whose answer says whether it passes.

They stand in `checks:` of the configuration, or in files of their own that the configuration lists;
what each key does is told in docs/checks.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from pg_migration_exporter.config.problems import Place
from pg_migration_exporter.config.user_statement import UserStatement, read_statements

#: When it matters: before a migration starts, while it runs, after it has ended well.
Phase = Literal["pre", "during", "post"]
Severity = Literal["critical", "warning", "info"]


class CheckSection(UserStatement):
    """One check; `help` says what holds when it passes."""

    help: str = Field(min_length=1)
    phase: Phase
    severity: Severity


class ChecksFile(BaseModel, extra="forbid", frozen=True):
    """A file of checks."""

    checks: tuple[CheckSection, ...] = ()


def read_checks(patterns: Collection[Path], beside: Path) -> Iterator[tuple[Place, CheckSection]]:
    """Read the files that match: see `read_statements`."""
    return read_statements(ChecksFile, "checks", CheckSection, patterns, beside)
