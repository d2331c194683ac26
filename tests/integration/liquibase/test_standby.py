"""An exporter on a standby: it sees the rows, but neither sessions nor row counters."""

from __future__ import annotations

from pathlib import Path

from testbed.liquibase import Liquibase
from testbed.waiting import wait_until
from tests.fixtures.exporters import StartExporter, scrape, scrape_until
from tests.fixtures.servers import Pair

_APPLIED = "liquibase_changesets_applied"
_AT_WORK = (
    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(5)%' AND state = 'active'"
    " AND pid <> pg_backend_pid()"
)


def test_a_standby_judges_no_holder(
    standby_pair: Pair, start_exporter: StartExporter, tmp_path: Path
) -> None:
    primary, standby = standby_pair
    database = primary.database()
    changelog = tmp_path / "changelog.sql"
    changelog.write_text(
        "--liquibase formatted sql\n--changeset me:1\nselect 1;\n--rollback select 1;\n"
    )
    liquibase = Liquibase(database, tmp_path, "changelog.sql")
    assert liquibase.run("update").returncode == 0
    primary.wait_for_replay(standby)
    exporter = start_exporter(standby.database(), liquibase={"stale_lock_after": "1s"})
    scrape_until(exporter, lambda page: page.values(_APPLIED) == [1], "one changeset")

    with changelog.open("a") as file:
        file.write("--changeset me:2\nselect pg_sleep(5);\n--rollback select 1;\n")
    run = liquibase.start("update", log=tmp_path / "liquibase.log")
    wait_until(lambda: database.value(_AT_WORK), 60, "the run is at work")
    states = set()
    while run.is_running:
        page = scrape(exporter)
        states.add(page.status())
        assert page.values("liquibase_lock_waiters") == []
    assert "running" in states
    assert "stale_lock" not in states
    scrape_until(exporter, lambda page: page.values(_APPLIED) == [2], "two changesets", 10)

    assert liquibase.run("rollback-count", "--count=1").returncode == 0
    scrape_until(exporter, lambda page: page.values(_APPLIED) == [1], "a rollback", 10)
