"""The objects for the Prometheus Operator fit its schemas, and say what the other files say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pg_migration_exporter.bundle.render import render
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.errors import ConfigError
from tests.bundle.conftest import WriteValues
from tests.fixtures.yaml_text import load_yaml

SCHEMAS = {
    path.stem: json.loads(path.read_text())
    for path in (Path(__file__).parent / "crds").glob("*.json")
}
#: Values that use what the defaults leave out.
EVERYTHING = {
    "kubernetes": {
        "labels": {},
        "targets": ["replica", "db-2"],
        "scrape": {
            "scheme": "https",
            "server_name": "exporter.example.com",
            "ca_secret": "exporter-ca",
            "client_certificate_secret": "prometheus-tls",
            "basic_auth_secret": "exporter-login",
        },
    },
    "alertmanager": {
        "teams": {"dba": {"critical": "mail", "info": "channel"}},
        "smtp": {"username": "alerts", "password_file": "/run/secrets/smtp"},
        "receivers": {
            "hook": {
                "webhook": {"url": "https://host/", "credentials_file": "/run/secrets/token"},
                "opsgenie": {"api_key_file": "/run/secrets/opsgenie"},
                "teams": {"webhook_url_file": "/run/secrets/teams"},
            }
        },
    },
}


def _objects(values: Values) -> dict[str, dict[str, Any]]:
    return deepcopy(_read_objects(values.model_dump_json(by_alias=True)))


@cache
def _read_objects(values: str) -> dict[str, dict[str, Any]]:
    files = render(["kubernetes"], Values.model_validate_json(values))
    return {document["kind"]: document for document in (load_yaml(file.text) for file in files)}


def _native(values: Values) -> dict[str, Any]:
    config: dict[str, Any] = next(
        load_yaml(file.text)
        for file in render(["alertmanager"], values)
        if file.path.endswith(".yml")
    )
    return config


@pytest.fixture(params=[{}, EVERYTHING], ids=["defaults", "everything"])
def values(request: pytest.FixtureRequest, write_values: WriteValues) -> Values:
    return load_values(write_values(request.param))


@pytest.mark.parametrize("kind", SCHEMAS)
def test_object_fits_the_schema(values: Values, kind: str) -> None:
    Draft202012Validator(SCHEMAS[kind]).validate(_objects(values)[kind])


def _routes(route: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield route
    for child in route.get("routes", ()):
        yield from _routes(child)


def test_nested_routes_fit_the_schema_too(values: Values) -> None:
    """Kubernetes itself does not look into them; the operator does."""
    spec = SCHEMAS["AlertmanagerConfig"]["properties"]["spec"]["properties"]
    for route in _routes(_objects(values)["AlertmanagerConfig"]["spec"]["route"]):
        Draft202012Validator(spec["route"]).validate(route)


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Each container with a key of it; of a list the first item stands for all.

    Nested routes are left out: the schema does not look into them.
    """
    if isinstance(content, dict | list):
        for key in content if isinstance(content, dict) else range(len(content[:1])):
            yield content, key
            if key != "routes":
                yield from _places(content[key])


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_wrong_type_or_key_anywhere_would_be_found(values: Values, kind: str) -> None:
    """A fraction is right nowhere, nor is a key with a typing error."""
    document = _objects(values)[kind]
    is_valid = Draft202012Validator(SCHEMAS[kind]).is_valid
    for container, key in _places(document["spec"]):
        kept = container[key]
        wrong = [0.5, kept | {"no such key": 0.5}] if isinstance(kept, dict) else [0.5]
        for value in wrong:
            container[key] = value
            assert not is_valid(document), (key, value)
        container[key] = kept
    assert is_valid(document)


def test_routes_and_inhibition_are_those_of_alertmanager(values: Values) -> None:
    native, spec = _native(values), _objects(values)["AlertmanagerConfig"]["spec"]
    ours, theirs = [*_routes(native["route"])], [*_routes(spec["route"])]
    assert [route["receiver"] for route in ours] == [route["receiver"] for route in theirs]
    assert [_matchers(route.get("matchers", ())) for route in theirs] == [
        route.get("matchers", []) for route in ours
    ]
    assert [
        (_matchers(rule["sourceMatch"]), _matchers(rule["targetMatch"]), rule["equal"])
        for rule in spec["inhibitRules"]
    ] == [
        (rule["source_matchers"], rule["target_matchers"], rule["equal"])
        for rule in native["inhibit_rules"]
    ]


def _matchers(matchers: Any) -> list[str]:
    return [f'{matcher["name"]}{matcher["matchType"]}"{matcher["value"]}"' for matcher in matchers]


def test_secrets_are_keys_of_the_secret_and_texts_stand_alone(values: Values) -> None:
    text = json.dumps(_objects(values)["AlertmanagerConfig"])
    files = [line for line in json.dumps(_native(values)).split('"') if line.startswith("/")]
    for file in files:
        assert json.dumps({"name": values.kubernetes.secret, "key": Path(file).name}) in text
        assert file not in text
    assert "{{ template" not in text


def test_prometheus_finds_the_exporter_under_the_job_of_the_rules(values: Values) -> None:
    objects = _objects(values)
    [endpoint] = objects["ServiceMonitor"]["spec"]["endpoints"]
    relabeled = {
        relabeling["targetLabel"]: relabeling["replacement"]
        for relabeling in endpoint["relabelings"]
    }
    assert relabeled["job"] == values.prometheus.job
    assert objects["Probe"]["spec"]["jobName"] == values.prometheus.job
    static = objects["Probe"]["spec"]["targets"]["staticConfig"]["static"]
    assert static == values.kubernetes.targets


def access(values: Values) -> Iterator[dict[str, Any]]:
    """How Prometheus gets access according to the ServiceMonitor and the Probe."""
    objects = _objects(values)
    [endpoint] = objects["ServiceMonitor"]["spec"]["endpoints"]
    probe = objects["Probe"]["spec"]
    for scheme, scraper in ((endpoint["scheme"], endpoint), (probe["prober"]["scheme"], probe)):
        shown = {key: scraper[key] for key in ("tlsConfig", "basicAuth") if key in scraper}
        yield {"scheme": scheme, **shown}


def test_prometheus_is_let_in_by_what_the_exporter_asks_for(write_values: WriteValues) -> None:
    for asked in access(load_values(write_values({}))):
        assert asked == {"scheme": "http"}
    for asked in access(load_values(write_values({"kubernetes": {"scrape": {"scheme": "https"}}}))):
        name = "pg-migration-exporter.monitoring.svc"
        assert asked == {"scheme": "https", "tlsConfig": {"serverName": name}}
    for asked in access(load_values(write_values(EVERYTHING))):
        assert asked["tlsConfig"] == {
            "serverName": "exporter.example.com",
            "ca": {"secret": {"name": "exporter-ca", "key": "ca.crt"}},
            "cert": {"secret": {"name": "prometheus-tls", "key": "tls.crt"}},
            "keySecret": {"name": "prometheus-tls", "key": "tls.key"},
        }
        assert asked["basicAuth"] == {
            "username": {"name": "exporter-login", "key": "username"},
            "password": {"name": "exporter-login", "key": "password"},
        }


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("scrape", {"scheme": "ftp"}),
        ("scrape", {"ca_secret": "exporter-ca"}),
        ("scrape", {"scheme": "https", "basic_auth_secret": "a: b"}),
        ("namespace", "Upper"),
        ("labels", {"a b": "c"}),
        ("targets", ["x y"]),
        ("service", {"address": "http://host"}),
        ("service", {"labels": {"a": "b\nc"}}),
    ],
)
def test_names_that_kubernetes_would_refuse_are_refused(
    write_values: WriteValues, key: str, content: object
) -> None:
    with pytest.raises(ConfigError, match=f"kubernetes.{key}"):
        load_values(write_values({"kubernetes": {key: content}}))


def _rules(values: Values) -> list[dict[str, Any]]:
    groups = _objects(values)["PrometheusRule"]["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_rules_are_those_of_the_rule_files_with_the_namespace(values: Values) -> None:
    rules = [
        rule
        for file in render(["alerts"], values)
        for group in load_yaml(file.text)["groups"]
        for rule in group["rules"]
    ]
    label = {"namespace": values.kubernetes.namespace}
    assert _rules(values) == [
        rule | {"labels": label | rule["labels"]} if "alert" in rule else rule for rule in rules
    ]


def test_every_alert_passes_the_matcher_that_the_operator_adds(values: Values) -> None:
    """It routes what has the namespace of the AlertmanagerConfig, and inhibits by that alone."""
    namespace = _objects(values)["AlertmanagerConfig"]["metadata"]["namespace"]
    alerts = [rule for rule in _rules(values) if "alert" in rule]
    assert alerts
    assert {rule["labels"]["namespace"] for rule in alerts} == {namespace}
