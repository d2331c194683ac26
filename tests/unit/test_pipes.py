"""A pipe where a file is expected: nothing waits for its writer, and the event loop goes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pg_migration_exporter.collectors.pgbouncer.console import build_conninfo as pgbouncer_conninfo
from pg_migration_exporter.config import load_settings
from pg_migration_exporter.config.report_token import read_token
from pg_migration_exporter.config.schema import PgBouncerSection, PostgresSection
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.files import read_regular_file
from pg_migration_exporter.postgres.conninfo import build_conninfo


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


READERS: dict[str, Callable[[Path], Any]] = {
    "password": lambda path: asyncio.run(build_conninfo(PostgresSection(password_file=path))),
    "password of pgbouncer": lambda path: pgbouncer_conninfo(PgBouncerSection(password_file=path)),
    "token": read_token,
    "configuration": lambda path: load_settings(path, dsn="host=db"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_pipe_is_refused_at_once(pipe: Path, read: Callable[[Path], Any]) -> None:
    with pytest.raises(ConfigError, match="not a regular file") as raised:
        read(pipe)
    assert str(pipe) in str(raised.value)


@pytest.mark.timeout(20)
def test_a_pipe_is_not_opened(pipe: Path) -> None:
    """Its writer would be released, and lose what it writes."""
    with pytest.raises(OSError, match="not a regular file"):
        read_regular_file(pipe, 10)
    with pytest.raises(OSError, match="No such device"):
        os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)


def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert read_regular_file(file, 5) == b"12345"
    with pytest.raises(OSError, match="longer than 4 bytes"):
        read_regular_file(file, 4)
