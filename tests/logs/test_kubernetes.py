"""The manifests hold together, and what they would run reads a node's log files."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from testbed.ports import LOOPBACK
from testbed.sink import Sink
from testbed.waiting import wait_until
from tests.fixtures.fluent_bit import KEEP_ALL, LoggingServer, log_values, rendered
from tests.logs.fluent_bit import ObservedFluentBit, StartFluentBit
from tests.logs.onigmo_pipeline import Document, Pipeline

POD = "quests-0"
CONTAINER_LOG = f"{POD}_database_postgresql-{'0' * 64}.log"
#: A container runtime splits lines that are longer than this.
_LONGEST = 16 * 1024
Manifest = dict[str, Any]


def manifests(path: str, **logs: Any) -> list[Manifest]:
    return [*yaml.safe_load_all(rendered(log_values(logs), f"fluent-bit/{path}"))]


def container_of(workload: Manifest) -> Manifest:
    """The container that runs Fluent Bit."""
    containers: list[Manifest] = workload["spec"]["template"]["spec"]["containers"]
    return containers[-1]


@pytest.mark.parametrize("path", ["kubernetes-sidecar.yaml", "kubernetes-daemonset.yaml"])
@pytest.mark.parametrize(
    ("of_output", "of_exporter"),
    [
        (None, None),
        ("/etc/ssl/logs/ca.crt", None),
        (None, "/etc/ssl/exporter/ca.crt"),
        ("/etc/ssl/logs/ca.crt", "/etc/ssl/exporter/ca.crt"),
        ("/etc/ssl/ca.crt", "/etc/ssl/ca.crt"),
    ],
)
def test_what_a_manifest_refers_to_is_there(
    path: str, of_output: str | None, of_exporter: str | None
) -> None:
    exporter = {"enabled": True, "tls": True, "ca_file": of_exporter}
    config_map, workload = manifests(path, output={"ca_file": of_output}, exporter=exporter)
    spec, container = workload["spec"]["template"]["spec"], container_of(workload)
    volumes = {volume["name"] for volume in spec["volumes"]}
    mounts = {m["name"] for each in spec["containers"] for m in each["volumeMounts"]}
    assert mounts == volumes
    assert {"name": config_map["metadata"]["name"]} in [
        volume.get("configMap") for volume in spec["volumes"]
    ]
    flag, config = container["args"]
    assert flag == "--config"
    folder, _, name = config.rpartition("/")
    assert folder in {mount["mountPath"] for mount in container["volumeMounts"]}
    loaded = yaml.safe_load(config_map["data"][name])
    assert loaded["service"]["parsers_file"] in config_map["data"]
    scripts = {f["script"] for f in loaded["pipeline"]["filters"] if "script" in f}
    assert scripts <= config_map["data"].keys()
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"metrics": 9887, "health": loaded["service"]["http_port"]}
    assert container["livenessProbe"]["httpGet"]["port"] in ports
    files = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert len(files) == len(set(files))
    assert loaded["pipeline"]["inputs"][0]["db"].rpartition("/")[0] in files
    authorities = {output.get("tls.ca_file") for output in loaded["pipeline"]["outputs"]}
    assert authorities - {None} == {of_output, of_exporter} - {None}
    assert authorities - {None} <= set(files)
    assert_keys_of_the_secret(spec, container)


def assert_keys_of_the_secret(spec: Manifest, container: Manifest) -> None:
    """Each file that is mounted from the Secret is one of the keys that its volume names."""
    [keys] = [
        {item["path"] for item in volume["secret"]["items"]}
        for volume in spec["volumes"]
        if "secret" in volume
    ] or [set()]
    mounted = {mount["subPath"] for mount in container["volumeMounts"] if "subPath" in mount}
    assert mounted == keys


@pytest.mark.parametrize("path", ["kubernetes-sidecar.yaml", "kubernetes-daemonset.yaml"])
def test_container_is_confined_and_holds_no_secret(path: str) -> None:
    container = container_of(manifests(path)[1])
    confined = container["securityContext"]
    assert confined["readOnlyRootFilesystem"] is True
    assert confined["allowPrivilegeEscalation"] is False
    assert confined["capabilities"] == {"drop": ["ALL"]}
    secrets = {e["name"] for e in container["env"] if "secretKeyRef" in e["valueFrom"]}
    assert secrets == {"LOGS_USER", "LOGS_PASSWORD"}


@pytest.mark.parametrize("name", ["jsonlog", "csvlog", "stderr"])
def test_sidecar_runs_the_chosen_configuration(name: str) -> None:
    config_map, workload = manifests("kubernetes-sidecar.yaml", format=name)
    values = log_values({"format": name})
    assert container_of(workload)["args"][1].endswith(f"/{name}.yaml")
    for file in (f"{name}.yaml", "parsers.yaml", "postgresql.lua", "postgresql.conf"):
        embedded = config_map["data"][file].splitlines()
        alone = rendered(values, f"fluent-bit/{file}").splitlines()
        assert embedded[2:] == alone[2:]  # the first two lines name the template


def as_container_log(text: str) -> str:
    """Lines as a container runtime writes them. Kubernetes, "CRI logging format"."""
    stamp = "2026-01-02T03:04:05.678901234Z stderr"
    pieces = (
        (piece, "F" if is_last else "P")
        for line in text.splitlines()
        for piece, is_last in _split(line)
    )
    return "".join(f"{stamp} {flag} {piece}\n" for piece, flag in pieces)


def _split(line: str) -> list[tuple[str, bool]]:
    starts = range(0, max(len(line), 1), _LONGEST)
    return [(line[at : at + _LONGEST], at + _LONGEST >= len(line)) for at in starts]


def test_node_reads_the_log_of_a_container(
    start_fluent_bit: StartFluentBit, logging_server: LoggingServer
) -> None:
    text = logging_server.log("stderr").read_text()
    assert max(map(len, text.splitlines())) > 2 * _LONGEST
    expected = Pipeline(log_values(KEEP_ALL), "stderr").documents(text)
    with Sink() as sink:
        where = {"host": LOOPBACK, "port": sink.port, "tls": False}
        fluent_bit = start_fluent_bit({"output": where, **KEEP_ALL}, "containers.yaml")
        fluent_bit.node_logs.mkdir()
        (fluent_bit.node_logs / CONTAINER_LOG).write_text(as_container_log(text))
        wait_until(lambda: len(sink.documents) >= len(expected), 60, "all is stored")
        pods = wait_until(lambda: pods_of(fluent_bit), 30, "its entries are counted")
    found = list(sink.documents.values())
    assert {entry["server"] for entry in found} == pods == {POD}
    for field in ("level", "message", "statement"):
        assert values_of(field, found) == values_of(field, expected)


def pods_of(fluent_bit: ObservedFluentBit) -> set[str]:
    return {s.labels["pod"] for s in fluent_bit.metrics().samples if "pod" in s.labels}


def values_of(field: str, documents: list[Document]) -> list[str]:
    return sorted(document.get(field, "") for document in documents)
