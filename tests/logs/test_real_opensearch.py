"""A real OpenSearch stores each entry of a real log once, typed, and answers what the bundle asks.

Fluent Bit reads the log twice, the second time without its memory of the first.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from pg_migration_exporter.logs import fields
from pg_migration_exporter.logs.formats import FormatName
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.fluent_bit import FORMATS, LoggingServer
from tests.logs.fluent_bit import ObservedFluentBit
from tests.logs.opensearch import Document, OpenSearch
from tests.logs.stored import Log, Stored, bare, canonical
from tests.logs.test_opensearch import saved_objects

pytestmark = pytest.mark.pg(">= 15")

_NO_ENTRY = "this is no entry of a log"
#: What the copy of the log has besides: it has no identity, so that it is stored each time.
_UNPARSED = {"level": "UNPARSED", "message": _NO_ENTRY}


class FluentBitOf(ObservedFluentBit):
    """One that delivers as the user whom an OpenSearch has for that."""

    def __init__(self, search: OpenSearch, *arguments: Any) -> None:
        self.login = search.writer
        super().__init__(*arguments)


@pytest.fixture(
    scope="module", params=[f"{name}.{syntax}" for name in FORMATS for syntax in ("yaml", "conf")]
)
def stored(
    request: pytest.FixtureRequest,
    open_search: Callable[[], OpenSearch],
    fluent_bit_program: Path,
    workspace: Workspace,
    logging_server: LoggingServer,
) -> Iterator[Stored]:
    config = request.param
    name: FormatName = config.partition(".")[0]
    text = logging_server.log(name).read_text()
    folder = workspace.folder(f"logs_of_{config}")
    (folder / logging_server.log(name).name).write_text(f"{_NO_ENTRY}\n{text}")
    log = Log(name, text)
    with open_search() as search:
        for number in (1, 2):
            values = search.values(directory=str(folder))
            program = (workspace, fluent_bit_program, f"stores_{number}_{config}")
            with FluentBitOf(search, *program, values, config) as fluent_bit:
                await_delivery(fluent_bit, len(log.entries) + 1)
        yield Stored(search, [*log.entries, _UNPARSED, _UNPARSED], log.times)


def await_delivery(fluent_bit: ObservedFluentBit, entries: int) -> None:
    def is_delivered() -> bool:
        return fluent_bit.own_metric("fluentbit_output_proc_records_total", "store") >= entries

    wait_until(is_delivered, 60, f"{entries} entries are delivered")


def test_each_entry_is_stored_once_and_as_it_is(stored: Stored) -> None:
    documents = stored.search.documents()
    assert canonical(list(map(bare, documents))) == canonical(stored.entries)
    assert len({document["log_id"] for document in documents}) == len(documents)


def test_each_entry_has_the_time_at_which_it_was_logged(stored: Stored) -> None:
    asked = {"size": 10_000, "docvalue_fields": ["@timestamp"], "_source": ["log_id", "level"]}
    hits = stored.search.search(asked)["hits"]["hits"]
    known = {
        hit["_source"]["log_id"]: hit["fields"]["@timestamp"][0]
        for hit in hits
        if hit["_source"]["level"] != "UNPARSED"
    }
    assert known == stored.times


def test_every_field_has_its_type_and_no_value_was_refused(stored: Stored) -> None:
    for index in stored.search.indexes():
        mapping = stored.search.call("GET", f"{index}/_mapping")[index]["mappings"]
        types = {name: field["type"] for name, field in mapping["properties"].items()}
        assert types == fields.MAPPING
    assert stored.search.documents({"exists": {"field": "_ignored"}}) == []


def is_failing_migration(entry: Document) -> bool:
    return bool(entry.get("migration")) and entry["level"] in {"ERROR", "FATAL", "PANIC"}


def is_wait(entry: Document) -> bool:
    return entry.get("event") in {"lock_wait", "lock_acquired"}


def is_unparsed(entry: Document) -> bool:
    return bool(entry["level"] == "UNPARSED")


def is_of_the_timeline(entry: Document) -> bool:
    events = {"lock_wait", "lock_acquired", "lock_timeout", "deadlock", "checkpoint"}
    has_ended = entry["level"] in {"FATAL", "PANIC"}
    return bool(entry.get("migration")) or entry.get("event") in events or has_ended


#: What a query of queries.json has to find.
QUERIES: Mapping[str, Callable[[Document], bool]] = {
    "timeline": is_of_the_timeline,
    "errors_of_the_migration": is_failing_migration,
    "who_waited": is_wait,
    "not_understood": is_unparsed,
}


def test_sample_queries_find_what_the_log_holds(stored: Stored) -> None:
    queries = stored.search.rendered("queries.json")
    del queries["description"]
    assert queries.keys() == QUERIES.keys()
    for name, query in queries.items():
        entries = stored.matching(QUERIES[name])
        assert entries, name
        assert stored.search.search(query)["hits"]["total"]["value"] == len(entries), name


def test_timeline_is_in_order(stored: Stored) -> None:
    query = stored.search.rendered("queries.json")["timeline"]
    hits = stored.search.search(query)["hits"]["hits"]
    assert len({hit["_source"]["pid"] for hit in hits}) > 1
    assert [hit["sort"] for hit in hits] == sorted(hit["sort"] for hit in hits)


def test_sample_queries_count_errors_and_waits(stored: Stored) -> None:
    queries = stored.search.rendered("queries.json")
    failed = stored.search.search(queries["errors_of_the_migration"])["aggregations"]
    errors = stored.matching(is_failing_migration)
    assert counts(failed["sqlstates"]) == Counter(entry["sqlstate"] for entry in errors)

    waited = stored.search.search(queries["who_waited"])["aggregations"]["applications"]
    waits = stored.matching(is_wait)
    assert counts(waited) == Counter(e.get("application_name", "unknown") for e in waits)
    longest = max(bucket["longest_seconds"]["value"] or 0 for bucket in waited["buckets"])
    assert longest == max(entry.get("seconds", 0) for entry in waits) > 0


def counts(aggregation: Document) -> Counter[str]:
    return Counter({bucket["key"]: bucket["doc_count"] for bucket in aggregation["buckets"]})


#: What a chart or a search of saved-objects.ndjson has to show.
SAVED: Mapping[str, Callable[[Document], bool]] = {
    "migration-logs-levels": lambda _: True,
    "migration-logs-events": lambda entry: "event" in entry,
    "migration-logs-errors": is_failing_migration,
    "migration-timeline": lambda entry: (
        bool(entry.get("migration")) or "event" in entry or entry["level"] in {"FATAL", "PANIC"}
    ),
}


def searching() -> dict[str, dict[str, Any]]:
    """Attributes of the saved objects that search, by their names."""
    kinds = {"search", "visualization"}
    return {each["id"]: each["attributes"] for each in saved_objects() if each["type"] in kinds}


def query_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The query of a saved object. In Lucene's language it is the same, with large operators."""
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    assert source["query"]["language"] == "kuery"
    text = re.sub(r"\b(and|or)\b", lambda found: found[0].upper(), source["query"]["query"])
    return {"query_string": {"query": text or "*"}}


@pytest.mark.parametrize("name", sorted(SAVED))
def test_saved_objects_find_what_the_log_holds(stored: Stored, name: str) -> None:
    assert searching().keys() == SAVED.keys()
    entries = stored.matching(SAVED[name])
    assert entries
    found = stored.search.documents(query_of(searching()[name]))
    assert canonical(list(map(bare, found))) == canonical(entries)


@pytest.mark.parametrize("name", sorted(SAVED.keys() - {"migration-timeline"}))
def test_charts_count_what_the_log_holds(stored: Stored, name: str) -> None:
    attributes = searching()[name]
    for each in json.loads(attributes["visState"])["aggs"]:
        if each["type"] != "terms":
            continue
        field, size = each["params"]["field"], each["params"]["size"]
        asked = {"terms": {"field": field, "size": size}}
        query = {"size": 0, "query": query_of(attributes), "aggs": {"of": asked}}
        found = counts(stored.search.search(query)["aggregations"]["of"])
        entries = stored.matching(SAVED[name])
        assert found == Counter(entry[field] for entry in entries if field in entry)
        assert found


def test_policy_takes_charge_of_the_indexes(open_search: Callable[[], OpenSearch]) -> None:
    with open_search() as search:
        if "opensearch-index-management" not in search.plugins():
            pytest.skip("this OpenSearch has no Index Management plugin: the policy was not put")
        policy, index = f"_plugins/_ism/policies/{search.index}", f"{search.index}-2026.01.01"
        search.call("PUT", policy, search.rendered("ism-policy.json"))
        try:
            search.call("PUT", index)
            explain = f"_plugins/_ism/explain/{index}"
            wait_until(
                lambda: search.call("GET", explain)[index].get("policy_id") == search.index,
                60,
                "the policy has the index in its charge",
            )
        finally:
            search.call("DELETE", policy)


def test_role_lets_nobody_search_or_delete(open_search: Callable[[], OpenSearch]) -> None:
    """That it is enough to write, all other tests show."""
    with open_search() as search:
        if "opensearch-security" not in search.plugins():
            pytest.skip("this OpenSearch has no Security plugin: the role was not put")
        index = f"{search.index}-2026.01.01"
        search.call("PUT", f"{index}/_doc/1?refresh=true", {"message": "kept"})
        for method, path in (
            ("GET", f"{index}/_search"),
            ("GET", f"{index}/_doc/1"),
            ("DELETE", f"{index}/_doc/1"),
            ("DELETE", index),
        ):
            answer = search.client.request(method, f"/{path}", auth=search.writer)
            assert answer.status_code == httpx.codes.FORBIDDEN, (method, path)
        assert search.documents() == [{"message": "kept"}]
