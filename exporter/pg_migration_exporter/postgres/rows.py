"""Results of statements as Python values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
from psycopg import abc, pq
from psycopg.adapt import AdaptersMap, Loader, Transformer

from pg_migration_exporter.postgres.budget import MAX_ROWS, AnswerTooLargeError

#: Error handler that decodes bytes that are not UTF-8, and encodes them unchanged.
KEEP_ANY_BYTES = "surrogateescape"


class Rows(NamedTuple):
    """The result of one statement: column names and tuples of Python values.

    `more` is the number of rows that the answer had beyond those that were asked for.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    more: int = 0

    def named(self) -> list[dict[str, Any]]:
        """Return each row as a mapping by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def by_column(self) -> dict[str, tuple[Any, ...]]:
        """Return the values by column name; empty without rows."""
        return dict(zip(self.columns, zip(*self.rows, strict=True), strict=bool(self.rows)))


class _AnyBytesLoader(Loader):
    """Loads text of a database in SQL_ASCII: any bytes, so that names can be sent back."""

    def load(self, data: abc.Buffer) -> str:
        return bytes(data).decode("utf-8", KEEP_ANY_BYTES)


class _AnyBytesBinaryLoader(_AnyBytesLoader):
    format = pq.Format.BINARY


@dataclass(frozen=True, slots=True)
class _Context:
    """An adaptation context without a connection (psycopg.abc.AdaptContext)."""

    adapters: AdaptersMap
    connection: None = None


def _any_bytes_adapters() -> AdaptersMap:
    adapters = AdaptersMap(psycopg.adapters)
    for type_ in ("text", "name", "varchar", "bpchar"):
        adapters.register_loader(type_, _AnyBytesLoader)
        adapters.register_loader(type_, _AnyBytesBinaryLoader)
    return adapters


#: A transformer caches the loader of each type, so one is shared by all results.
_UTF8 = Transformer(_Context(psycopg.adapters))
_ANY_BYTES = Transformer(_Context(_any_bytes_adapters()))


def read_rows(result: pq.abc.PGresult, limit: int | None = None) -> Rows:
    """Return the rows of a result; text of a database in SQL_ASCII may not be UTF-8.

    At most `limit` rows. Without it, raises AnswerTooLargeError for more than `MAX_ROWS`.
    """
    if limit is None and result.ntuples > MAX_ROWS:
        raise AnswerTooLargeError(
            f"the answer has {result.ntuples} rows, more than {MAX_ROWS}: let the statement return "
            "fewer"
        )
    number = result.ntuples if limit is None else min(result.ntuples, limit)
    names = (result.fname(index) for index in range(result.nfields))
    columns = tuple(name.decode(errors=KEEP_ANY_BYTES) for name in names if name is not None)
    try:
        return Rows(columns, _load(result, number, _UTF8), result.ntuples - number)
    except UnicodeDecodeError:
        return Rows(columns, _load(result, number, _ANY_BYTES), result.ntuples - number)


def _load(
    result: pq.abc.PGresult, number: int, transformer: abc.Transformer
) -> list[tuple[Any, ...]]:
    transformer.set_pgresult(result)
    try:
        return transformer.load_rows(0, number, tuple)
    finally:
        transformer.set_pgresult(None)
