"""A Fluent Bit for each test, servers whose logs it reads, and a sink."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from testbed.sink import Sink
from testbed.workspace import Workspace
from tests.fixtures.fluent_bit import LoggingServer, start_logging_server
from tests.logs.delivery import Delivery
from tests.logs.fluent_bit import ObservedFluentBit, StartFluentBit
from tests.logs.opensearch import OpenSearch
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


@pytest.fixture(scope="module")
def logging(fluent_bit_program: Path, workspace: Workspace) -> Iterator[LoggingServer]:
    """A server whose log has what the tests of one module write."""
    started = start_logging_server(workspace, {})
    with started.server:
        yield started


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
def delivery(
    logging: LoggingServer,
    sink: Sink,
    figure: Callable[[str], None],
    request: pytest.FixtureRequest,
) -> Delivery:
    """What the test writes, and what of it the sink has."""
    return Delivery(logging, sink, request.node.name.removeprefix("test_"), figure)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs an OpenSearch that is not there: here, so that the report has one line."""
    asks = "open_search" in getattr(item, "fixturenames", ())
    if asks and not os.environ.get("OPENSEARCH_URL"):
        pytest.skip("no OPENSEARCH_URL=http://host:port: no OpenSearch was asked")


@pytest.fixture(scope="session")
def open_search() -> Callable[[], OpenSearch]:
    """Make indexes of one test possible in a real OpenSearch: `with open_search() as search`."""
    url, authority = os.environ["OPENSEARCH_URL"], os.environ.get("OPENSEARCH_CA")
    return lambda: OpenSearch(url, authority, f"logs-tested-{secrets.token_hex(4)}")
