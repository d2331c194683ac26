"""Many targets of one process: probes, discovery, isolation, what is reported of each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from testbed.database import Database
from testbed.exporter import Exporter
from testbed.ports import LOOPBACK, free_port
from testbed.prometheus import Prometheus, Scraping
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.exporters import Page, StartExporter, scrape
from tests.fixtures.proxy import proxy

_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"


def target(name: str, dsn: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "postgres": {"dsn": dsn}} | more


def get(exporter: Exporter, path: str, **headers: str) -> httpx.Response:
    return httpx.get(exporter.url + path, headers=headers, timeout=60)


def test_each_target_has_a_page_of_its_own(
    database: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(
        database, targets=[target("other", database.conninfo(dbname="postgres"))]
    )
    own, other = scrape(exporter), scrape(exporter, "other")

    assert own.value("migration_exporter_database_up", datname=database.name) == 1
    assert other.value("migration_exporter_database_up", datname="postgres") == 1
    assert "migration_exporter_build_info" not in other.families
    about = scrape(exporter)
    assert about.value("migration_exporter_targets") == 2
    assert about.value("migration_exporter_target_up", target="other") == 1
    assert about.values("migration_exporter_target_scrape_age_seconds", target="other")


def test_without_a_default_target_metrics_are_the_exporters_own(
    database: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(targets=[target("only", database.conninfo())])
    page = scrape(exporter)
    assert page.value("migration_exporter_targets") == 1
    assert "postgres_up" not in page.families
    assert scrape(exporter, "only").value("postgres_up") == 1
    assert "server" not in exporter.get("/readyz").json()


def test_a_target_that_nobody_asks_for_costs_no_connection(
    database: Database, start_exporter: StartExporter
) -> None:
    name = f"lazy_{database.name}"
    exporter = start_exporter(
        database, targets=[target("lazy", database.conninfo(application_name=name))]
    )
    scrape(exporter)
    assert database.value(_SESSIONS, [name]) == 0
    scrape(exporter, "lazy")
    wait_until(lambda: database.value(_SESSIONS, [name]) == 2, 30, "it is scraped and watched")


QUERIES = {
    "": 400,
    "?target=": 404,
    "?target=a&target=b": 400,
    "?target=postgresql://postgres@127.0.0.1/postgres": 404,
    "?target=host%3D127.0.0.1": 404,
    "?target=%00%0d%0aSet-Cookie:x%3d1": 404,
    "?target=" + "a" * 20_000: 404,
    "?target=%ff%fe": 404,
    "?target=<script>alert(1)</script>": 404,
}


def test_only_configured_names_are_probed(
    database: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(database)
    for query, status in QUERIES.items():
        answer = get(exporter, f"/probe{query}")
        assert (query, answer.status_code) == (query, status)
        assert answer.headers["content-type"].startswith("text/plain")
        assert "target" in answer.text
        assert len(answer.text) < 200
        assert "script" not in answer.text
        assert "set-cookie" not in answer.headers
    assert scrape(exporter).value("postgres_up") == 1


def test_a_target_that_hangs_does_not_delay_another(
    database: Database, start_exporter: StartExporter
) -> None:
    """A network that swallows everything next to a target that answers."""
    with proxy(database.port) as network, ThreadPoolExecutor(1) as threads:
        exporter = start_exporter(
            scrape={"timeout": "1m"},
            targets=[
                target("alive", database.conninfo()),
                target("frozen", database.conninfo(port=network.port)),
            ],
        )
        for name in ("alive", "frozen"):
            assert scrape(exporter, name).value("postgres_up") == 1
        with network.stalled():
            waiting = threads.submit(get, exporter, "/probe?target=frozen")
            for _ in range(3):
                page = scrape(exporter, "alive")
                assert set(page.values("migration_exporter_collector_success")) == {1}
            assert not waiting.done()
        assert Page(waiting.result().text).value("postgres_up") == 1


def test_what_is_said_of_the_targets(database: Database, start_exporter: StartExporter) -> None:
    secret = "s3cret"
    dead = f"host={LOOPBACK} port={free_port()} dbname=gone password={secret}"
    exporter = start_exporter(database, targets=[target("dead", dead)])
    scrape(exporter)
    scrape(exporter, "dead")

    ready = exporter.get("/readyz").json()
    assert ready == {"status": "ready", "server": "reached", "targets": {"dead": "not reached"}}
    other, default = exporter.get("/api/v1/status").json()["targets"]
    assert default["databases"] == {database.name: True}
    assert {collector["state"] for collector in default["collectors"]} == {"answered"}
    assert (other["name"], other["server"]["reached"]) == ("dead", False)
    assert other["databases"] == {"gone": False}
    index = exporter.get("/").text
    assert 'href="?target=dead"' in index
    for text in (exporter.get("/api/v1/status").text, index, exporter.process.output()):
        assert secret not in text


def test_discovery_names_the_address_that_it_was_asked_at(
    database: Database, start_exporter: StartExporter
) -> None:
    other = target("db-1", database.conninfo(), labels={"team": "shop"})
    exporter = start_exporter(database, targets=[other])
    hosts = {name: name for name in ("exporter.example:9886", "[::1]:9886")}
    for host, address in (hosts | dict.fromkeys(("a b", 'x"><script>'), exporter.address)).items():
        answer = get(exporter, "/sd", Host=host)
        assert answer.headers["content-type"] == "application/json"
        itself, probe = answer.json()
        assert itself == {"targets": [address], "labels": {"__metrics_path__": "/metrics"}}
        assert probe["targets"] == [address]
        assert probe["labels"] == {
            "__metrics_path__": "/probe",
            "__param_target": "db-1",
            "instance": "db-1",
            "team": "shop",
        }


def test_prometheus_scrapes_what_it_discovers(
    workspace: Workspace, database: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(
        targets=[target(name, database.conninfo()) for name in ("one", "two")]
    )
    scraping = Scraping({}, discovery={"fleet": f"{exporter.url}/sd"})
    with Prometheus(workspace, scraping, "prometheus_fleet") as prometheus:
        wait_until(
            lambda: (
                {series["metric"]["instance"] for series in prometheus.query("postgres_up == 1")}
                == {"one", "two"}
            ),
            60,
            "both targets are scraped",
        )
        assert prometheus.query('up{instance="one", job="fleet"} == 1')
