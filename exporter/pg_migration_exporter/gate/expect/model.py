"""The file of an expectation: `gate snapshot` writes it, `--expect` reads it.

Each aspect of a table has definitions by name, as PostgreSQL writes them. An aspect that is left
out is not compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from pg_migration_exporter.config.section import Section
from pg_migration_exporter.config.yaml_file import read_yaml, validate

Aspect = Literal["kind", "columns", "indexes", "constraints", "triggers", "grants"]
Definitions = dict[str, str]


class TableSection(Section):
    """One table, view or partition; `grants` are the privileges of each role but the owner."""

    kind: Definitions | None = None
    columns: Definitions | None = None
    indexes: Definitions | None = None
    constraints: Definitions | None = None
    triggers: Definitions | None = None
    grants: Definitions | None = None

    def definitions(self, aspect: Aspect) -> Definitions | None:
        """Return those of an aspect; None if it is not compared."""
        found: Definitions | None = getattr(self, aspect)
        return found


class Expectation(Section):
    """One schema."""

    schema_name: str = Field(alias="schema", min_length=1)
    tables: dict[str, TableSection]


def read_expectation(file: Path) -> Expectation:
    """Read a file. Raises ConfigError with the file, the line and the key."""
    return validate(Expectation, read_yaml(file), file)
