"""The schema of checks: SQL statements that return whether a check passes.

They are in `checks` of the configuration, or in files that it lists (docs/checks.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from pg_migration_exporter.config.user_statement import UserStatement, read_statements
from pg_migration_exporter.config.yaml_file import Location

#: Before a migration starts, while it runs, and after it has succeeded.
Phase = Literal["pre", "during", "post"]
Severity = Literal["critical", "warning", "info"]


class CheckSection(UserStatement):
    """One check; `help` is what is true when it passes."""

    help: str = Field(min_length=1)
    phase: Phase
    severity: Severity


class ChecksFile(BaseModel, extra="forbid", frozen=True):
    """A file of checks."""

    checks: tuple[CheckSection, ...] = ()


def read_checks(
    patterns: Collection[Path], directory: Path
) -> Iterator[tuple[Location, CheckSection]]:
    """Read the files that match, as `read_statements` does."""
    return read_statements(ChecksFile, "checks", CheckSection, patterns, directory)
