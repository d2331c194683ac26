"""Replication lag on a real primary and its standby."""

from __future__ import annotations

from testbed.postgres import Server
from tests.fixtures.exporters import StartExporter, scrape, scrape_until
from tests.fixtures.servers import Pair

_LAG = "postgres_replication_lag_seconds"


def test_idle_and_caught_up_is_zero_on_both_sides(
    standby_pair: Pair, start_exporter: StartExporter
) -> None:
    primary, standby = standby_pair
    primary.database().execute("CREATE TABLE IF NOT EXISTS t (id int)")
    primary.wait_for_replay(standby)
    on_primary = start_exporter(primary.database())
    on_standby = start_exporter(standby.database())

    page = scrape_until(
        on_primary, lambda page: page.values(_LAG, replica=standby.name) == [0], "no lag"
    )
    assert page.value("postgres_replication_standbys") == 1
    assert page.values("postgres_replication_lag_bytes", replica=standby.name, stage="replay") == [
        0
    ]
    page = scrape(on_standby)
    assert page.value("postgres_info", role="standby") == 1
    assert page.value(_LAG, replica="self") == 0
    assert page.value("postgres_replication_wal_receiver_up") == 1
    assert page.value("postgres_replication_wal_receiver_info", replica=standby.name) == 1


def test_a_paused_standby_falls_behind(standby_pair: Pair, start_exporter: StartExporter) -> None:
    primary, standby = standby_pair
    on_primary = start_exporter(primary.database())
    on_standby = start_exporter(standby.database())
    standby.database().execute("SELECT pg_wal_replay_pause()")
    try:
        primary.database().execute("DROP TABLE IF EXISTS behind")
        primary.database().execute("CREATE TABLE behind AS SELECT generate_series(1, 20000)")
        page = scrape_until(
            on_primary,
            lambda page: page.value("postgres_replication_lag_bytes", stage="replay") > 0,
            "the primary sees bytes to replay",
        )
        scrape_until(
            on_standby, lambda page: page.value(_LAG, replica="self") > 1, "the standby says so"
        )
        assert page.value("postgres_replication_standbys") == 1
    finally:
        standby.database().execute("SELECT pg_wal_replay_resume()")
        primary.database().execute("DROP TABLE IF EXISTS behind")


def test_never_zero_while_the_receiver_is_down(
    standby_pair: Pair, start_exporter: StartExporter
) -> None:
    """It has replayed all that it received, and still nobody knows how far the primary went."""
    primary, standby = standby_pair
    primary.wait_for_replay(standby)
    on_standby = start_exporter(standby.database())
    assert scrape(on_standby).value(_LAG, replica="self") == 0

    primary.stop()
    try:
        page = scrape_until(
            on_standby,
            lambda page: page.value("postgres_replication_wal_receiver_up") == 0,
            "the receiver is down",
        )
        first = page.value(_LAG, replica="self")
        assert first > 0
        assert scrape(on_standby).value(_LAG, replica="self") > first
    finally:
        primary.start()
    scrape_until(on_standby, lambda page: page.values(_LAG, replica="self") == [0], "caught up", 60)


def test_promoted_standby(standby_pair: Pair, start_exporter: StartExporter) -> None:
    """The same connection, another role: the plan is made again. Last, since it ends the pair."""
    standby: Server = standby_pair.standby
    exporter = start_exporter(standby.database())
    assert scrape(exporter).value("postgres_info", role="standby") == 1

    standby.promote()
    page = scrape(exporter)
    assert page.value("postgres_info", role="primary") == 1
    assert page.values(_LAG, replica="self") == []
    assert page.values("postgres_replication_wal_receiver_up") == []
