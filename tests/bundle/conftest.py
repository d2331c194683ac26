from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pg_migration_exporter.cli import main

#: Arguments of the command line -> exit code.
Cli = Callable[..., int]
#: The text or the content of a values file -> its path.
WriteValues = Callable[[object], Path]


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).parents[2]


@pytest.fixture
def cli() -> Cli:
    return lambda *arguments: main([str(argument) for argument in arguments])


@pytest.fixture
def write_values(tmp_path: Path) -> WriteValues:
    def write(content: object) -> Path:
        path = tmp_path / "my.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return write
