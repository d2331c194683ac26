"""A configuration that is read again: what changes, what stays, what is refused."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from testbed.database import Database
from testbed.exporter import Exporter
from testbed.liquibase import Liquibase
from testbed.waiting import wait_until
from tests.fixtures.exporters import Page, StartExporter, scrape, scrape_until

_PIDS = "SELECT array_agg(pid ORDER BY pid) FROM pg_stat_activity WHERE application_name = %s"
_SUCCESS = "migration_exporter_config_reload_success"
_TIMESTAMP = "migration_exporter_config_reload_timestamp_seconds"


def reload(exporter: Exporter) -> httpx.Response:
    return httpx.post(f"{exporter.url}/-/reload", timeout=30)


def section(database: Database, application: str, **more: Any) -> dict[str, Any]:
    dsn = database.conninfo(application_name=application)
    return {"name": application, "postgres": {"dsn": dsn}} | more


@pytest.fixture
def name(database: Database) -> str:
    """Sessions of the exporter under test have this in their application_name."""
    return database.name


def test_unchanged_targets_keep_connections_and_counters(
    database: Database, start_exporter: StartExporter, name: str
) -> None:
    kept, changed, added = (section(database, f"{name}_{kind}") for kind in ("k", "c", "a"))
    exporter = start_exporter(targets=[kept, changed])
    for target in (kept, changed):
        scrape(exporter, target["name"])

    def pids(target: dict[str, Any]) -> list[int]:
        found: list[int] | None = database.value(_PIDS, [target["name"]])
        return found or []

    def await_sessions(target: dict[str, Any], number: int) -> None:
        wait_until(
            lambda: len(pids(target)) == number, 30, f"{target['name']} has {number} sessions"
        )

    for target in (kept, changed):
        await_sessions(target, 2)  # of scrapes and of the watcher
    before = pids(kept), pids(changed)
    counted = sum(scrape(exporter, kept["name"]).values("postgres_query_duration_seconds_count"))

    exporter.configure({"targets": [kept, changed | {"tables": {"top": 3}}, added]})
    answer = reload(exporter)
    assert answer.status_code == 200
    assert answer.text == f"added: {added['name']}; changed: {changed['name']}\n"

    assert pids(kept) == before[0]
    wait_until(lambda: not set(pids(changed)) & set(before[1]), 30, "the old sessions end")
    for target in (kept, changed, added):
        page = scrape(exporter, target["name"])
        assert page.value("postgres_up") == 1
    again = scrape(exporter, kept["name"])
    assert sum(again.values("postgres_query_duration_seconds_count")) >= counted
    assert scrape(exporter).value("migration_exporter_targets") == 3

    exporter.configure({"targets": [kept]})
    assert reload(exporter).text == f"removed: {changed['name']}, {added['name']}\n"
    for target in (changed, added):
        await_sessions(target, 0)
        gone = httpx.get(f"{exporter.url}/probe", params={"target": target["name"]})
        assert gone.status_code == 404


def test_a_changed_target_keeps_what_it_knows_of_migrations(
    database: Database, start_exporter: StartExporter, liquibase: Callable[..., Liquibase]
) -> None:
    """Without a state directory, which would carry it over a restart."""
    config = {"postgres": {"dsn": database.conninfo()}, "state_directory": None}
    exporter = start_exporter(**config)
    assert scrape(exporter).value("postgres_up") == 1
    assert liquibase("t/case.sql").run("update").returncode == 0

    def runs(page: Page) -> list[float]:
        return page.values("liquibase_runs_total", outcome="succeeded")

    scrape_until(exporter, lambda page: runs(page) == [1], "the run is counted")

    exporter.configure(config | {"tables": {"top": 3}})
    assert reload(exporter).text == "changed: default\n"
    assert runs(scrape(exporter)) == [1]


BAD = {
    "scrape: {timeot: 5s}": "config.yaml:1: scrape.timeot: unknown key; did you mean timeout",
    "collectors: {disabled: [lokcs]}": "collectors.disabled: there is no collector 'lokcs'",
    "scrape: [": "not valid YAML",
    "custom_metrics_files: [nowhere/*.yaml]": "no file matches nowhere/*.yaml",
    "targets: [{name: a, postgres: {dsn: 'host=h password=s3cret x'}}]": "targets.0.postgres.dsn",
}


def test_a_bad_file_changes_nothing_and_says_why(
    database: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(database)
    good = exporter.config.read_text()
    before = scrape(exporter)
    for content, complaint in BAD.items():
        exporter.config.write_text(f"{content}\n{good}")
        answer = reload(exporter)
        assert answer.status_code == 422
        for output in (answer.text, exporter.process.output()):
            assert complaint in output
            assert "s3cret" not in output
        page = scrape(exporter)
        assert page.value(_SUCCESS) == 0
        assert page.value(_TIMESTAMP) == before.value(_TIMESTAMP)
        assert page.value("migration_exporter_database_up", datname=database.name) == 1

    exporter.config.write_text(good)
    assert reload(exporter).text == "no target changed\n"
    page = scrape(exporter)
    assert page.value(_SUCCESS) == 1
    assert page.value(_TIMESTAMP) > before.value(_TIMESTAMP)
    assert httpx.get(f"{exporter.url}/-/reload").status_code == 405


def test_sighup_reloads(database: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(database)
    dsn = {"postgres": {"dsn": database.conninfo()}}
    exporter.configure(dsn | {"collectors": {"disabled": ["tables"]}})
    os.kill(exporter.process.pid, signal.SIGHUP)
    exporter.process.wait_until(
        lambda: "tables" not in scrape(exporter).text.partition("collector_success")[2],
        30,
        "the new configuration is in effect",
    )
    message = "configuration reloaded; changed: default"  # when the old connections are closed
    exporter.process.wait_until(lambda: message in exporter.process.output(), 30, "it says so")

    exporter.config.write_text("nonsense: 1\n")
    os.kill(exporter.process.pid, signal.SIGHUP)
    exporter.process.wait_until(
        lambda: scrape(exporter).value(_SUCCESS) == 0, 30, "the new configuration is refused"
    )
    assert "was not reloaded: " in exporter.process.output()


def test_what_needs_a_restart_is_said(database: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(database)
    dsn = {"postgres": {"dsn": database.conninfo()}}
    exporter.configure(dsn | {"state_directory": "/nowhere", "log": {"format": "json"}})
    assert reload(exporter).text == "no target changed; restart to change state_directory\n"
    assert '"message": "configuration reloaded' in exporter.process.output()
