"""`python -m pg_migration_exporter.gate.schema` prints the JSON schema of the gate's report."""

from __future__ import annotations

from pg_migration_exporter.gate.model import GateReport
from pg_migration_exporter.status.schema import schema_of


def schema() -> str:
    """Return docs/gate.schema.json; every key is always present."""
    return schema_of(GateReport)


if __name__ == "__main__":
    print(schema(), end="")  # noqa: T201 - a document for standard output
