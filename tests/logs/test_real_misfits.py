"""A real OpenSearch refuses what does not fit an index that was made without the template."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.fluent_bit import LoggingServer
from tests.logs.opensearch import OpenSearch
from tests.logs.stored import Log, bare, canonical
from tests.logs.test_real_opensearch import FluentBitOf, await_delivery

pytestmark = pytest.mark.pg(">= 15")

#: As it may be without the template: what hints are was guessed, and no value may be malformed.
_GUESSED = {
    "settings": {"index.mapping.ignore_malformed": False},
    "mappings": {"properties": {"hint": {"type": "long"}}},
}
_MENDED = {"properties": {"hint": {"type": "long", "ignore_malformed": True}}}


def test_misfits_wait_until_the_mapping_is_mended(
    open_search: Callable[[], OpenSearch],
    fluent_bit_program: Path,
    workspace: Workspace,
    logging_server: LoggingServer,
) -> None:
    log = Log("jsonlog", logging_server.log("jsonlog").read_text())
    fits = [entry for entry in log.entries if "hint" not in entry]
    assert len(fits) < len(log.entries)
    with open_search() as search:
        for day in {time.partition("T")[0].replace("-", ".") for time in log.times.values()}:
            search.call("PUT", f"{search.index}-{day}", _GUESSED)
        values = search.values(directory=str(logging_server.folder))
        program = (workspace, fluent_bit_program, "stores_misfits")
        with FluentBitOf(search, *program, values, "jsonlog.yaml") as fluent_bit:
            wait_until(lambda: fluent_bit.retries >= 1, 60, "it says that it tries again")
            wait_until(lambda: len(search.documents()) == len(fits), 60, "all others are stored")
            assert "mapper_parsing_exception" in fluent_bit.process.output()
            for index in search.indexes():
                search.call("PUT", f"{index}/_mapping", _MENDED)
            await_delivery(fluent_bit, len(log.entries))
        assert canonical(list(map(bare, search.documents()))) == canonical(log.entries)
