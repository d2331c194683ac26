"""Connections to one database of a server of the stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from testbed.ports import LOOPBACK

Params = Sequence[Any] | Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Database:
    """The address of a database and a user; the repr has no password."""

    port: int
    name: str
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Database({self.name!r} as {self.user!r} on port {self.port})"

    def conninfo(self, **options: str | int) -> str:
        """Return the libpq connection string; `options` are added and take precedence."""
        return make_conninfo(**self._parts() | options)

    def _parts(self) -> dict[str, Any]:
        return {
            "host": LOOPBACK,
            "port": self.port,
            "dbname": self.name,
            "user": self.user,
            "password": self.password,
        }

    def as_user(self, user: str) -> Database:
        """Return the database for another role; all roles of a workspace have the same password."""
        return replace(self, user=user)

    @property
    def jdbc_url(self) -> str:
        """The JDBC URL without credentials."""
        return f"jdbc:postgresql://{LOOPBACK}:{self.port}/{self.name}"

    def connect(self, **options: str | int) -> psycopg.Connection[tuple[Any, ...]]:
        """Open an autocommit connection."""
        return psycopg.connect(self.conninfo(**options), autocommit=True)

    def execute(self, sql: str, params: Params = None, **options: str | int) -> list[Any]:
        """Return the rows of a statement as tuples; an empty list if it has none."""
        with self.connect(**options) as connection:
            cursor = connection.execute(sql.encode(), params)
            return cursor.fetchall() if cursor.description else []

    def value(self, sql: str, params: Params = None) -> Any:
        """Return the single value of a query."""
        return self.execute(sql, params)[0][0]
