"""The destinations that a value chooses: each gets what PostgreSQL wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.stack.sink import Sink
from demo.stack.waiting import wait_until
from demo.stack.workspace import Workspace
from tests.fixtures.fluent_bit import LoggingServer, log_values, rendered, start_logging_server
from tests.logs.delivery import Delivery
from tests.logs.fluent_bit import StartFluentBit

PLUGINS = {"opensearch": "opensearch", "elasticsearch": "es", "loki": "loki", "stdout": "stdout"}


def output_of(**output: Any) -> dict[str, Any]:
    """The rendered output that stores."""
    text = rendered(log_values({"output": output}), "fluent-bit/jsonlog.yaml")
    [store] = [o for o in yaml.safe_load(text)["pipeline"]["outputs"] if o.get("alias") == "store"]
    assert isinstance(store, dict)
    return store


@pytest.mark.parametrize("kind", PLUGINS)
def test_kind_chooses_the_plugin(kind: str) -> None:
    assert output_of(kind=kind)["name"] == PLUGINS[kind]


@pytest.mark.parametrize("kind", sorted(PLUGINS.keys() - {"stdout"}))
def test_what_is_sent_is_encrypted_kept_until_delivered_and_holds_no_password(kind: str) -> None:
    store = output_of(kind=kind, ca_file="/etc/ssl/ca.crt")
    assert (store["tls"], store["tls.verify"], store["tls.verify_hostname"]) == (True, True, True)
    assert store["tls.ca_file"] == "/etc/ssl/ca.crt"
    assert store["retry_limit"] == "no_limits"
    assert (store["http_user"], store["http_passwd"]) == ("${LOGS_USER}", "${LOGS_PASSWORD}")


def test_a_file_of_authorities_and_encryption_may_be_left_out() -> None:
    assert "tls.ca_file" not in output_of()
    assert not {key for key in output_of(tls=False) if key.startswith("tls")}


@pytest.fixture(scope="module")
def logging(fluent_bit_program: Path, workspace: Workspace) -> Iterator[LoggingServer]:
    started = start_logging_server(workspace, {})
    with started.server:
        yield started


@pytest.fixture
def delivery(
    logging: LoggingServer, figure: Callable[[str], None], request: pytest.FixtureRequest
) -> Iterator[Delivery]:
    with Sink() as sink:
        yield Delivery(logging, sink, request.node.name.removeprefix("test_"), figure)


@pytest.mark.pg(">= 15")
def test_elasticsearch_stores(start_fluent_bit: StartFluentBit, delivery: Delivery) -> None:
    start_fluent_bit(delivery.values(kind="elasticsearch"))
    delivery.write()
    delivery.assert_complete()


@pytest.mark.pg(">= 15")
def test_loki_stores(start_fluent_bit: StartFluentBit, delivery: Delivery) -> None:
    labels = {"job": "database-production", "server": "tested", "level": "WARNING"}
    start_fluent_bit(delivery.values(kind="loki"))
    delivery.write()

    def is_complete() -> bool:
        lines = (line for found, line in list(delivery.sink.lines) if found == labels)
        return messages(delivery, lines) == delivery.written()

    wait_until(is_complete, 60, "all lines are pushed")


@pytest.mark.pg(">= 15")
def test_stdout_shows(start_fluent_bit: StartFluentBit, delivery: Delivery) -> None:
    fluent_bit = start_fluent_bit(delivery.values(kind="stdout"))
    delivery.write(10)

    def is_complete() -> bool:
        lines = fluent_bit.process.output().splitlines()
        return messages(delivery, lines) == delivery.written()

    wait_until(is_complete, 30, "all is shown")


def messages(delivery: Delivery, lines: Iterable[str]) -> list[str]:
    """Messages of this test in lines that may be JSON, sorted."""
    ours = (line for line in lines if line.startswith("{") and f'"{delivery.marker} ' in line)
    return sorted(json.loads(line)["message"] for line in ours)
