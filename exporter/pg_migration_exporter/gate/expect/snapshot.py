"""Reads an expectation from a server: what `gate snapshot` prints."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import psycopg
import yaml

from pg_migration_exporter.config import Settings
from pg_migration_exporter.errors import UserError
from pg_migration_exporter.gate.expect.compare import by_table
from pg_migration_exporter.gate.expect.sql import QUERIES
from pg_migration_exporter.postgres import capabilities
from pg_migration_exporter.postgres.capabilities import Capabilities
from pg_migration_exporter.postgres.persistent_connection import (
    PersistentConnection,
    UnreachableError,
)
from pg_migration_exporter.postgres.session import Session

_HEADER = """\
# Made by `pg-migration-exporter gate snapshot`. An aspect or a table that is left out is not
# compared.
"""


async def take_snapshot(settings: Settings, schema: str) -> str:
    """Return the expectation of a schema as YAML. Raises UserError where it cannot be read."""
    connection = PersistentConnection(settings.postgres)
    try:
        async with asyncio.timeout(settings.scrape.timeout):
            tables = await _read(await connection.session(), schema)
    except (UnreachableError, psycopg.Error, TimeoutError) as error:
        raise UserError(f"the schema cannot be read: {error or 'no answer in time'}") from error
    finally:
        await connection.close()
    if not tables:
        raise UserError(f"--schema: there is no table in {schema!r}, or no such schema")
    document = {"schema": schema, "tables": tables}
    return _HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=200)


async def _read(session: Session, schema: str) -> Mapping[str, Mapping[str, Any]]:
    known = Capabilities.from_rows(await session.query(capabilities.SQL))
    tables: dict[str, dict[str, Any]] = {}
    for aspect, query in QUERIES.items():
        rows = await session.query(query.for_version(known.version_num), [schema])
        for table, definitions in by_table(rows.named()).items():
            if None in definitions.values():
                raise UserError(f"table {table} is locked: try again when nobody changes it")
            tables.setdefault(table, {})[aspect] = definitions
    return {name: {key: {} for key in QUERIES} | table for name, table in tables.items()}
