from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pg_migration_exporter.cli import render, verify

#: A command line without the program's name -> exit code.
Cli = Callable[..., int]
#: The text or the content of a values file -> its path.
WriteValues = Callable[[object], Path]


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).parents[2]


@pytest.fixture
def cli() -> Cli:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers(required=True)
    render.add(subparsers)
    verify.add(subparsers)

    def call(*argv: object) -> int:
        args = parser.parse_args([str(argument) for argument in argv])
        return int(args.run(args))

    return call


@pytest.fixture
def write_values(tmp_path: Path) -> WriteValues:
    def write(content: object) -> Path:
        path = tmp_path / "my.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return write
