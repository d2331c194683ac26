"""A primary, a standby, and a second one that cascades from the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import psycopg
import pytest

from testbed.exporter import Exporter
from testbed.postgres import Server
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.exporters import Page, scrape, scrape_until

_REPLICATION = "postgres_replication"
_LAG = f"{_REPLICATION}_lag_seconds"
_SELF = {"replica": "self"}

#: A standby reports its position to its source once a second, not every ten.
_PROMPT = {"wal_receiver_status_interval": "1s"}


class Cascade(NamedTuple):
    """Three running servers, each the source of the next."""

    primary: Server
    standby: Server
    cascaded: Server


@pytest.fixture(scope="module")
def cascade(workspace: Workspace) -> Iterator[Cascade]:
    with ExitStack() as stack:
        primary = stack.enter_context(Server(workspace, "cascade_primary"))
        standby = stack.enter_context(primary.standby("cascade_standby", _PROMPT))
        cascaded = stack.enter_context(standby.standby("cascade_cascaded", _PROMPT))
        yield Cascade(primary, standby, cascaded)


@pytest.fixture(scope="module")
def exporters(cascade: Cascade, workspace: Workspace) -> Iterator[list[Exporter]]:
    """One for each server."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                Exporter(
                    workspace,
                    {"postgres": {"dsn": server.database().conninfo()}},
                    f"exporter_{server.name}",
                )
            )
            for server in cascade
        ]


@contextmanager
def configured(server: Server, name: str, value: str) -> Iterator[None]:
    """Change a setting that takes effect on a reload, and restore it."""
    database = server.database()
    before = database.value("SELECT current_setting(%s)", [name])
    _set(server, name, value)
    yield
    _set(server, name, before)


def _set(server: Server, name: str, value: str) -> None:
    quoted = value.replace("'", "''")
    server.database().execute(f"ALTER SYSTEM SET {name} = '{quoted}'")
    server.database().execute("SELECT pg_reload_conf()")


def write(cascade: Cascade, number: int = 1000) -> None:
    """Write rows, and thereby WAL, on the primary."""
    database = cascade.primary.database()
    database.execute("CREATE TABLE IF NOT EXISTS quests (id int)")
    database.execute("INSERT INTO quests SELECT generate_series(1, %s::int)", [number])


def without_lag(receiver: Server) -> Callable[[Page], bool]:
    """Whether the page of its source says that it has all."""
    return lambda page: page.values(_LAG, replica=receiver.name) == [0]


def test_each_server_sees_its_own_receivers(cascade: Cascade, exporters: list[Exporter]) -> None:
    write(cascade)
    for exporter, server, receiver in zip(exporters, cascade[:2], cascade[1:], strict=False):
        cascade.primary.wait_for_replay(receiver)
        page = scrape_until(
            exporter,
            without_lag(receiver),
            f"{server.name} sees no lag",
        )
        assert page.value(f"{_REPLICATION}_standbys") == 1
        expected = {"kind": "physical", "state": "streaming", "sync_state": "async"}
        info = f"{_REPLICATION}_standby_info"
        assert page.value(info, replica=receiver.name, slot_name="", **expected) == 1
    assert scrape(exporters[2]).value(f"{_REPLICATION}_standbys") == 0


def test_idle_is_zero_everywhere_and_stays_so(cascade: Cascade, exporters: list[Exporter]) -> None:
    write(cascade)
    for standby in cascade[1:]:
        cascade.primary.wait_for_replay(standby)
    for exporter in exporters[1:]:
        scrape_until(exporter, lambda page: page.value(_LAG, **_SELF) == 0, "caught up")
    for _ in range(5):
        for exporter in exporters[1:]:
            page = scrape(exporter)
            assert page.value(_LAG, **_SELF) == 0
            assert page.value(f"{_REPLICATION}_wal_receiver_up") == 1
            assert page.value(f"{_REPLICATION}_archive_recovery") == 0
            assert page.value(f"{_REPLICATION}_replay_paused") == 0
            assert page.value(f"{_REPLICATION}_apply_delay_seconds") == 0
            assert page.value(f"{_REPLICATION}_wal_receiver_last_message_age_seconds") >= 0
    assert {scrape(exporter).value(f"{_REPLICATION}_timeline") for exporter in exporters} == {1}


def test_synchronous_standbys_and_how_many_are_required(
    cascade: Cascade, exporters: list[Exporter]
) -> None:
    name = cascade.standby.name

    def are(*expected: int) -> Callable[[Page], bool]:
        """How many are synchronous, and how many have to be: servers reload at their own pace."""
        families = [f"{_REPLICATION}_synchronous_{what}" for what in ("standbys", "required")]
        return lambda page: tuple(map(page.value, families)) == expected

    for names, required in ((f"ANY 1 ({name}, other)", 1), (name, 1), (f"2 ({name}, other)", 2)):
        with configured(cascade.primary, "synchronous_standby_names", names):
            scrape_until(exporters[0], are(1, required), f"the standby is one of {names}")
    scrape_until(exporters[0], are(0, 0), "the standby is asynchronous again")


def test_a_delayed_standby_says_how_much_of_its_lag_is_meant(
    cascade: Cascade, exporters: list[Exporter]
) -> None:
    delayed = exporters[2]
    with configured(cascade.cascaded, "recovery_min_apply_delay", "1h"):
        scrape_until(
            delayed,
            lambda page: page.value(f"{_REPLICATION}_apply_delay_seconds") == 3600,
            "the delay is in effect",
        )
        write(cascade)
        page = scrape_until(delayed, lambda page: page.value(_LAG, **_SELF) > 0, "it lags")
        assert page.value(f"{_REPLICATION}_lag_bytes", **_SELF, stage="replay") > 0
        cascade.primary.wait_for_replay(cascade.standby)
        assert scrape(exporters[1]).value(_LAG, **_SELF) == 0
    scrape_until(delayed, lambda page: page.value(_LAG, **_SELF) == 0, "it caught up")


def test_a_paused_standby_says_so(cascade: Cascade, exporters: list[Exporter]) -> None:
    database = cascade.cascaded.database()
    database.execute("SELECT pg_wal_replay_pause()")
    assert scrape(exporters[2]).value(f"{_REPLICATION}_replay_paused") == 1
    database.execute("SELECT pg_wal_replay_resume()")
    assert scrape(exporters[2]).value(f"{_REPLICATION}_replay_paused") == 0


def test_a_standby_that_follows_an_archive_alone_misses_no_receiver(
    cascade: Cascade, exporters: list[Exporter]
) -> None:
    with configured(cascade.cascaded, "primary_conninfo", ""):
        page = scrape_until(
            exporters[2],
            lambda page: page.values(f"{_REPLICATION}_wal_receiver_up") == [],
            "the receiver is gone",
        )
        assert page.value(f"{_REPLICATION}_archive_recovery") == 1
        write(cascade)
        first = scrape(exporters[2]).value(_LAG, **_SELF)
        assert scrape(exporters[2]).value(_LAG, **_SELF) > first > 0
    scrape_until(exporters[2], lambda page: page.value(_LAG, **_SELF) == 0, "it streams again")


def test_a_query_that_recovery_cancels_is_counted(
    cascade: Cascade, exporters: list[Exporter]
) -> None:
    write(cascade)
    cascade.primary.wait_for_replay(cascade.standby)
    conflicts = "postgres_database_recovery_conflicts_total"
    lock = {"datname": "postgres", "reason": "lock"}
    assert scrape(exporters[1]).value(conflicts, **lock) == 0
    with (
        configured(cascade.standby, "max_standby_streaming_delay", "0"),
        cascade.standby.database().connect() as reader,
    ):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM quests")
        cascade.primary.database().execute("TRUNCATE quests")
        page = scrape_until(
            exporters[1], lambda page: page.value(conflicts, **lock) == 1, "it is counted"
        )
        with pytest.raises(psycopg.OperationalError):
            reader.execute("SELECT count(*) FROM quests")
    assert page.value("postgres_database_conflicts_total", datname="postgres") == 1
    assert scrape(exporters[0]).values(conflicts) == []


def test_a_new_timeline_on_those_who_follow(cascade: Cascade, exporters: list[Exporter]) -> None:
    """Last, since it takes the standbys away from their primary."""
    cascade.standby.promote()

    def follows(page: Page) -> bool:
        return page.value(f"{_REPLICATION}_timeline") == 2

    scrape_until(exporters[1], follows, "the promoted standby writes timeline 2")
    page = scrape_until(exporters[2], follows, "the cascaded standby follows it")
    assert page.value("postgres_info", role="standby") == 1
    assert scrape(exporters[0]).value(f"{_REPLICATION}_timeline") == 1
    written = "INSERT INTO quests VALUES (1)"
    cascade.standby.database().execute(written)
    wait_until(
        lambda: cascade.cascaded.database().value("SELECT count(*) FROM quests") == 1,
        30,
        "the cascaded standby replays the new timeline",
    )
