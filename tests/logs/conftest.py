"""A Fluent Bit for each test, and a server whose log has a bit of everything."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.stack.workspace import Workspace
from tests.fixtures.fluent_bit import LoggingServer, start_logging_server
from tests.logs.fluent_bit import ObservedFluentBit, StartFluentBit
from tests.logs.scenario import play

_numbers = count(1)


@pytest.fixture
def start_fluent_bit(fluent_bit_program: Path, workspace: Workspace) -> Iterator[StartFluentBit]:
    """Start a Fluent Bit of this test: `start_fluent_bit({"directory": ...}, "csvlog.conf")`."""
    with ExitStack() as stack:

        def start(logs: Mapping[str, Any], config: str = "jsonlog.yaml") -> ObservedFluentBit:
            name = f"fluent_bit_{next(_numbers)}"
            fluent_bit = ObservedFluentBit(workspace, fluent_bit_program, name, logs, config)
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


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs an OpenSearch that is not there: here, so that the report has one line."""
    asks = "opensearch_url" in getattr(item, "fixturenames", ())
    if asks and not os.environ.get("OPENSEARCH_URL"):
        pytest.skip("no OPENSEARCH_URL=http://host:port of one without a login: none was asked")


@pytest.fixture(scope="session")
def opensearch_url() -> str:
    """A real OpenSearch: the tests use indexes, templates and policies of their own there."""
    return os.environ["OPENSEARCH_URL"]


@pytest.fixture(scope="session")
def opensearch_plugins(opensearch_url: str) -> set[str]:
    """Names of the plugins that it has."""
    answer = httpx.get(f"{opensearch_url}/_cat/plugins?format=json", trust_env=False)
    return {plugin["component"] for plugin in answer.raise_for_status().json()}
