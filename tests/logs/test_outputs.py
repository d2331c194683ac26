"""The destinations that a value chooses: each gets what PostgreSQL wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from pg_migration_exporter.liquibase.logs.log_error import LOG_ERRORS_PATH
from testbed.waiting import wait_until
from tests.fixtures.fluent_bit import log_values, rendered
from tests.logs.delivery import Delivery
from tests.logs.fluent_bit import StartFluentBit

KINDS = ("opensearch", "elasticsearch", "loki", "stdout")


def output_of(**output: Any) -> dict[str, Any]:
    """The rendered output that stores."""
    text = rendered(log_values({"output": output}), "fluent-bit/jsonlog.yaml")
    [store] = [o for o in yaml.safe_load(text)["pipeline"]["outputs"] if o.get("alias") == "store"]
    assert isinstance(store, dict)
    return store


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"elasticsearch"}))
def test_kind_chooses_the_plugin(kind: str) -> None:
    assert output_of(kind=kind)["name"] == kind


def test_elasticsearch_has_the_plugin_that_loses_no_single_entry() -> None:
    assert output_of(kind="elasticsearch") == output_of(kind="opensearch")


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"stdout"}))
def test_what_is_sent_is_encrypted_kept_until_delivered_and_holds_no_password(kind: str) -> None:
    store = output_of(kind=kind, ca_file="/etc/ssl/ca.crt")
    assert (store["tls"], store["tls.verify"], store["tls.verify_hostname"]) == (True, True, True)
    assert store["tls.ca_file"] == "/etc/ssl/ca.crt"
    assert store["retry_limit"] == "no_limits"
    assert (store["http_user"], store["http_passwd"]) == ("${LOGS_USER}", "${LOGS_PASSWORD}")


def test_a_file_of_authorities_and_encryption_may_be_left_out() -> None:
    assert "tls.ca_file" not in output_of()
    assert not {key for key in output_of(tls=False) if key.startswith("tls")}


def exporter_pipeline(**exporter: Any) -> dict[str, Any]:
    """The rendered pipeline with errors for the exporter."""
    values = log_values({"exporter": {"enabled": True} | exporter})
    pipeline = yaml.safe_load(rendered(values, "fluent-bit/jsonlog.yaml"))["pipeline"]
    assert isinstance(pipeline, dict)
    return pipeline


def test_errors_are_posted_to_the_exporter() -> None:
    pipeline = exporter_pipeline(host="exporter.example.com", target="db1")
    [output] = [output for output in pipeline["outputs"] if output.get("alias") == "exporter"]
    [copy] = [each for each in pipeline["filters"] if each["name"] == "rewrite_tag"]
    [reduce] = [each for each in pipeline["filters"] if each["match"] == output["match"]]
    assert (output["name"], output["format"]) == ("http", "json")
    assert (output["json_date_key"], output["json_date_format"]) == ("time", "double")
    assert output["uri"] == f"{LOG_ERRORS_PATH}?target=db1"
    assert output["header"] == "Authorization Bearer ${LOGS_EXPORTER_TOKEN}"
    assert output["retry_limit"] == "no_limits"
    assert copy["rule"] == f"$failure ^yes$ {output['match']} true"
    assert reduce["call"] == "for_exporter"


def test_what_is_posted_to_the_exporter_may_be_encrypted() -> None:
    pipeline = exporter_pipeline(tls=True, ca_file="/etc/ssl/ca.crt")
    output = pipeline["outputs"][-1]
    assert (output["tls"], output["tls.verify"], output["tls.verify_hostname"]) == (True,) * 3
    assert output["tls.ca_file"] == "/etc/ssl/ca.crt"
    assert not {key for key in exporter_pipeline()["outputs"][-1] if key.startswith("tls")}


def test_by_default_nothing_is_posted_to_the_exporter() -> None:
    text = rendered(log_values(), "fluent-bit/jsonlog.yaml")
    assert "exporter" not in {
        output.get("alias") for output in yaml.safe_load(text)["pipeline"]["outputs"]
    }


def test_only_what_is_stored_can_be_posted_to_the_exporter() -> None:
    with pytest.raises(ValueError, match=r"exporter needs ERROR in keep\.levels"):
        log_values({"exporter": {"enabled": True}, "keep": {"levels": ["FATAL"]}})


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
