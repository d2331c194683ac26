"""More of anything than a target may show: the page stays small, and says what is missing."""

from __future__ import annotations

from typing import Any

import httpx

from testbed.database import Database
from tests.fixtures.exporters import StartExporter, scrape

_LEFT_OUT = "migration_exporter_left_out"
_SUCCESS = "migration_exporter_collector_success"


def test_rows_of_custom_metrics(database: Database, start_exporter: StartExporter) -> None:
    many = "select n as quest, n as {0} from generate_series(1, 300000) as n"
    gauge = {"type": "gauge", "help": "Quests.", "labels": ["quest"]}
    histogram: dict[str, Any] = {"type": "histogram", "help": "Quests.", "buckets": [1]}
    exporter = start_exporter(
        database,
        custom_metrics=[
            {"name": "quests", "sql": many.format("quests"), "metrics": {"quests": gauge}},
            {"name": "sizes", "sql": many.format("sizes"), "metrics": {"sizes": histogram}},
        ],
    )
    page = scrape(exporter)
    assert len(page.values("quests")) == 2000
    assert page.value(_LEFT_OUT, datname=database.name, what="custom_rows") == 298_000
    assert page.values("sizes_count") == []  # a part of the rows is no histogram
    assert page.value(_SUCCESS, collector="custom_sizes") == 0
    assert httpx.get(f"{exporter.url}/healthz").status_code == 200
