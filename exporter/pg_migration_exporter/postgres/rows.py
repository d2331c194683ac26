"""The answer of a statement as Python values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
from psycopg import abc, pq
from psycopg.adapt import AdaptersMap, Loader, Transformer

#: The error handler that reads bytes which are no UTF-8, and sends them back as they were.
KEEP_ANY_BYTES = "surrogateescape"


class Rows(NamedTuple):
    """The answer of one statement: column names and tuples of Python values."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def named(self) -> list[dict[str, Any]]:
        """The rows by the names of their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def by_column(self) -> dict[str, tuple[Any, ...]]:
        """The values of each column, which a page of samples needs; nothing where no row is."""
        return dict(zip(self.columns, zip(*self.rows, strict=True), strict=bool(self.rows)))


class _AnyBytesLoader(Loader):
    """Text of a database in SQL_ASCII: any bytes, kept so that names can be sent back."""

    def load(self, data: abc.Buffer) -> str:
        return bytes(data).decode("utf-8", KEEP_ANY_BYTES)


class _AnyBytesBinaryLoader(_AnyBytesLoader):
    format = pq.Format.BINARY


@dataclass(frozen=True, slots=True)
class _Context:
    """An adaptation context without a connection (psycopg.abc.AdaptContext)."""

    adapters: AdaptersMap
    connection: None = None


def _lenient() -> AdaptersMap:
    adapters = AdaptersMap(psycopg.adapters)
    for type_ in ("text", "name", "varchar", "bpchar"):
        adapters.register_loader(type_, _AnyBytesLoader)
        adapters.register_loader(type_, _AnyBytesBinaryLoader)
    return adapters


#: They remember the loader of each type: one of them for all results, since none is kept.
_STRICT, _LENIENT = (Transformer(_Context(one)) for one in (psycopg.adapters, _lenient()))


def read_rows(result: pq.abc.PGresult) -> Rows:
    """The rows of a result; text in a database in SQL_ASCII may be no UTF-8."""
    names = (result.fname(index) for index in range(result.nfields))
    columns = tuple(name.decode() for name in names if name is not None)
    try:
        return Rows(columns, _load(result, _STRICT))
    except UnicodeDecodeError:
        return Rows(columns, _load(result, _LENIENT))


def _load(result: pq.abc.PGresult, transformer: abc.Transformer) -> list[tuple[Any, ...]]:
    transformer.set_pgresult(result)
    try:
        return transformer.load_rows(0, result.ntuples, tuple)
    finally:
        transformer.set_pgresult(None)
