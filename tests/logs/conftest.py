"""A Fluent Bit for each test, and a server whose log has a bit of everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from demo.stack.workspace import Workspace
from tests.fixtures.fluent_bit import LoggingServer, start_logging_server
from tests.logs.fluent_bit import FluentBit, StartFluentBit
from tests.logs.scenario import play

_numbers = count(1)


@pytest.fixture
def start_fluent_bit(fluent_bit_program: Path, workspace: Workspace) -> Iterator[StartFluentBit]:
    """Start a Fluent Bit of this test: `start_fluent_bit({"directory": ...}, "csvlog.conf")`."""
    with ExitStack() as stack:

        def start(logs: Mapping[str, Any], config: str = "jsonlog.yaml") -> FluentBit:
            name = f"fluent_bit_{next(_numbers)}"
            fluent_bit = FluentBit(workspace, fluent_bit_program, name, logs, config)
            return stack.enter_context(fluent_bit)

        yield start


@pytest.fixture(scope="session")
def logging_server(workspace: Workspace) -> Iterator[LoggingServer]:
    """A server whose log has a bit of everything: see `tests.logs.scenario`."""
    # Quick; and silent afterwards: what tests compare must not grow by a checkpoint meanwhile.
    settings = {
        "deadlock_timeout": "50ms",
        "autovacuum_naptime": "1s",
        "checkpoint_timeout": "1h",
    }
    logging = start_logging_server(workspace, settings)
    with logging.server:
        play(logging)
        logging.settle("the scenario is over")
        yield logging
