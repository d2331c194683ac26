"""OpenSearch's objects fit the entries that the pipeline makes of a real log."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.logs import fields
from tests.fixtures.fluent_bit import KEEP_ALL, LoggingServer, known_formats, log_values, rendered
from tests.logs.onigmo_pipeline import Document, Pipeline

#: What the pipeline adds to an entry after the script's first call.
_ADDED = {"@timestamp", "log_id"}


def loaded(name: str, **opensearch: int) -> dict[str, Any]:
    found = json.loads(rendered(log_values({"opensearch": opensearch}), f"opensearch/{name}"))
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def stored(logging_server: LoggingServer) -> list[Document]:
    """Entries of the scenario, as they are stored."""
    pipeline = Pipeline(log_values(KEEP_ALL), known_formats()[0])
    documents = pipeline.documents(logging_server.log(pipeline.name).read_text())
    return [pipeline.script.call("identify", document)[2] for document in documents]


def test_every_field_of_an_entry_is_mapped_to_its_type(stored: list[Document]) -> None:
    mappings = loaded("index-template.json")["template"]["mappings"]
    assert mappings["dynamic"] is False
    types = {name: field["type"] for name, field in mappings["properties"].items()}
    assert types == fields.MAPPING
    python: dict[str, type | tuple[type, ...]] = {
        "long": int,
        "double": (int, float),
        "boolean": bool,
    }
    for document in stored:
        for name, value in document.items():
            assert isinstance(value, python.get(types[name], str)), name
    assert types.keys() >= _ADDED


def test_queries_and_charts_name_fields_and_events_that_there_are(stored: list[Document]) -> None:
    text = json.dumps(loaded("queries.json")) + "".join(map(json.dumps, saved_objects()))
    plain = text.replace("\\", "")
    named = set(re.findall(r'"(?:field|missing_field)": "([^"]+)"', plain))
    assert named
    assert named <= fields.MAPPING.keys()
    [terms, *_] = loaded("queries.json")["who_waited"]["query"]["bool"]["filter"][1:]
    assert set(terms["terms"]["event"]) <= {each.get("event") for each in stored}
    for name in loaded("queries.json")["timeline"]["_source"]:
        assert name in fields.MAPPING


def saved_objects() -> list[dict[str, Any]]:
    text = rendered(log_values(), "opensearch/saved-objects.ndjson")
    return [json.loads(line) for line in text.splitlines()]


def test_saved_objects_come_after_what_they_refer_to() -> None:
    known: set[tuple[str, str]] = set()
    for each in saved_objects():
        referred = {(reference["type"], reference["id"]) for reference in each["references"]}
        assert referred <= known
        known.add((each["type"], each["id"]))
        for value in (each["attributes"].get("visState"), each["attributes"].get("panelsJSON")):
            assert value is None or json.loads(value)
    assert {"index-pattern", "search", "visualization", "dashboard"} == {kind for kind, _ in known}


def test_life_of_an_index_is_that_of_the_values() -> None:
    policy = loaded("ism-policy.json", compact_after_days=3, delete_after_days=10)["policy"]
    conditions = {
        transition["state_name"]: transition["conditions"]["min_index_age"]
        for state in policy["states"]
        for transition in state["transitions"]
    }
    assert list(conditions.values()) == ["3d", "10d"]
    states = [state["name"] for state in policy["states"]]
    assert [policy["default_state"], *conditions] == states
    index = load_values().logs.output.index
    patterns = [f"{index}-*"]
    assert [template["index_patterns"] for template in policy["ism_template"]] == [patterns]
    assert loaded("index-template.json")["index_patterns"] == patterns
