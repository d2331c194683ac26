"""`python -m pg_migration_exporter.status.schema` prints the JSON schema of /api/v1/status."""

from __future__ import annotations

import json

from pg_migration_exporter.status.model import Model, Status

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> str:
    """Return docs/status.schema.json; every key is always present."""
    return schema_of(Status)


def schema_of(model: type[Model]) -> str:
    """Return the JSON schema of what a model is printed as."""
    found = model.model_json_schema(mode="serialization")
    return json.dumps({"$schema": DIALECT, **found}, indent=2) + "\n"


if __name__ == "__main__":
    print(schema(), end="")  # noqa: T201 - a document for standard output
