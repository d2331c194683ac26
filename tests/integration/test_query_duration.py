"""The latency histogram and the top statements against statements whose duration is known."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from pg_migration_exporter.collectors.query_duration import QUERY_DURATIONS
from pg_migration_exporter.collectors.query_duration.statement_memory import StatementMemory
from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.schema import StatementsSection
from pg_migration_exporter.engine.run_context import ContextFactory
from pg_migration_exporter.postgres.capabilities import SQL, Capabilities
from testbed.database import Database
from testbed.exporter import Exporter
from testbed.postgres import Server
from testbed.workspace import Workspace
from tests.fixtures.clock import SetClock
from tests.fixtures.exporters import Page, StartExporter, scrape, scrape_until
from tests.fixtures.sessions import session_of

_NAME = "postgres_query_duration_seconds"
_OFTEN = {"interval": "50ms"}
_NAP = "SELECT pg_sleep(%s)"


@pytest.fixture(autouse=True)
def few_entries(database: Database) -> None:
    """The shared server has thousands: the texts of new ones of our role are read seldom then.

    One is of this database, so that a first read includes it.
    """
    database.execute("SELECT pg_stat_statements_reset()")
    database.execute("SELECT 1")


def count(page: Page, database: Database) -> float:
    return page.value(f"{_NAME}_count", datname=database.name, source="statements")


def is_known(page: Page, database: Database) -> bool:
    """Whether this database was read: the server that tests share has others."""
    return bool(page.values(f"{_NAME}_count", datname=database.name, source="statements"))


def below(page: Page, database: Database, bound: str) -> float:
    return page.value(f"{_NAME}_bucket", datname=database.name, source="statements", le=bound)


def await_count(exporter: Exporter, database: Database, wanted: float) -> Page:
    return scrape_until(exporter, lambda page: count(page, database) == wanted, f"{wanted} calls")


def test_single_calls_are_exact(database: Database, start_exporter: StartExporter) -> None:
    """Each is alone between two reads."""
    exporter = start_exporter(database, statements=_OFTEN)
    scrape_until(exporter, lambda page: is_known(page, database), "a first read")
    for number, seconds in enumerate((0.051, 0.3, 0.3), 1):
        database.execute(_NAP, [seconds])
        page = await_count(exporter, database, number)
    assert page.value(f"{_NAME}_sum", datname=database.name) == pytest.approx(0.651, abs=0.5)
    assert below(page, database, "0.05") == 0
    assert count(page, database) - below(page, database, "0.25") >= 2
    assert below(page, database, "10.0") == below(page, database, "+Inf") == count(page, database)


def test_many_calls_between_two_looks(database: Database, start_exporter: StartExporter) -> None:
    """Without the watcher, only scrapes read: here the second one counts all calls at once."""
    exporter = start_exporter(database, watch={"enabled": False}, statements=_OFTEN)
    scrape(exporter)
    with database.connect() as connection:
        for seconds in (*[0.02] * 8, 0.3, 0.3):
            connection.execute(_NAP, [seconds])
    page = scrape_until(exporter, lambda page: count(page, database) >= 10, "all calls")
    assert count(page, database) == 10
    assert page.value(f"{_NAME}_sum", datname=database.name) >= 0.76
    assert below(page, database, "0.016") == 0


def test_resets_never_make_it_fall(database: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(database, statements=_OFTEN)
    scrape_until(exporter, lambda page: is_known(page, database), "a first read")
    database.execute(_NAP, [0.01])
    before = scrape_until(exporter, lambda page: count(page, database) > 0, "a call")

    database.execute("SELECT pg_stat_statements_reset()")
    database.execute(_NAP, [0.01])
    after = scrape_until(
        exporter, lambda page: count(page, database) > count(before, database), "more"
    )
    assert_grown(before, after)


def assert_grown(before: Page, after: Page) -> None:
    """No bucket, and no counter of a statement, is below what it was."""
    now = {(sample.name, *sorted(sample.labels.items())): sample.value for sample in after.samples}
    for sample in before.samples:
        key = (sample.name, *sorted(sample.labels.items()))
        if sample.name.startswith((_NAME, "postgres_statement_")) and key in now:
            assert now[key] >= sample.value


def test_evictions_never_make_it_fall_and_are_told(
    workspace: Workspace, start_exporter: StartExporter
) -> None:
    """pg_stat_statements has its smallest size, and drops entries again and again."""
    with Server(workspace, "evictions", {"pg_stat_statements.max": "100"}) as server:
        database = server.database()
        database.execute("CREATE EXTENSION pg_stat_statements")
        exporter = start_exporter(database, statements=_OFTEN)
        pages = [scrape_until(exporter, lambda page: page.values(f"{_NAME}_count"), "a read")]
        for round_ in range(4):
            with database.connect() as connection:
                for number in range(80):
                    columns = ["1" if number >> bit & 1 else "true" for bit in range(7)]
                    connection.execute(f"SELECT {', '.join([*columns, *['NULL'] * round_])}")
            pages.append(scrape(exporter))
        pages.append(
            scrape_until(
                exporter, lambda page: page.value("postgres_statement_evictions_total") > 0, "one"
            )
        )

        def counts_again(page: Page) -> bool:
            database.execute("SELECT 1")
            return count(page, database) > count(pages[-1], database)

        pages.append(scrape_until(exporter, counts_again, "a statement that stays is counted"))
        for earlier, later in pairwise(pages):
            assert_grown(earlier, later)


def test_own_statements_are_left_out_of_a_shared_role(
    database: Database, start_exporter: StartExporter
) -> None:
    """The exporter is the superuser here, as the one whose calls are counted."""
    exporter = start_exporter(database, statements=_OFTEN)
    scrape_until(exporter, lambda page: is_known(page, database), "a first read")
    database.execute(_NAP, [0.01])
    scrape_until(exporter, lambda page: count(page, database) == 1, "the call")
    for _ in range(5):
        scrape(exporter)
    database.execute(_NAP, [0.01])
    page = scrape_until(exporter, lambda page: count(page, database) >= 2, "the other call")
    assert count(page, database) == 2


def test_planning_counts_where_it_is_tracked(
    database: Database, start_exporter: StartExporter
) -> None:
    exporter = start_exporter(database, statements=_OFTEN)
    scrape_until(exporter, lambda page: is_known(page, database), "a first read")
    database.execute("CREATE FUNCTION slow() RETURNS int IMMUTABLE AS $$ SELECT 1 FROM"
                     " pg_sleep(0.1) $$ LANGUAGE sql")  # fmt: skip
    with database.connect() as connection:
        connection.execute("SET pg_stat_statements.track_planning = on")
        connection.execute("SELECT slow()")  # a constant, computed by the planner
    page = scrape_until(exporter, lambda page: count(page, database) >= 3, "the statements")
    assert page.value(f"{_NAME}_sum", datname=database.name) >= 0.1


def test_top_statements_and_the_others(database: Database, start_exporter: StartExporter) -> None:
    exporter = start_exporter(database, statements={**_OFTEN, "top": 1})
    scrape_until(exporter, lambda page: is_known(page, database), "a first read")
    with database.connect() as connection:
        for _ in range(3):
            connection.execute(_NAP, [0.05])
            connection.execute("SELECT n FROM generate_series(1, 7) n")

    def calls(page: Page, **labels: str) -> float:
        found = page.values("postgres_statement_calls_total", datname=database.name, **labels)
        return sum(found)

    page = scrape_until(exporter, lambda page: calls(page) >= 6, "all calls")
    assert calls(page) == count(page, database)
    assert calls(page, queryid="other", usename="") >= 3
    assert calls(page, usename="postgres") <= 3
    rows = page.values("postgres_statement_rows_total", datname=database.name)
    assert sum(rows) == 3 + 3 * 7
    seconds = page.values("postgres_statement_seconds_total", datname=database.name)
    assert sum(seconds) == pytest.approx(page.value(f"{_NAME}_sum", datname=database.name))


def test_series_of_a_dropped_database_end(server: Server, database: Database) -> None:
    clock = SetClock()
    dropped = server.create_database(f"{database.name}_dropped")
    statements = StatementMemory(StatementsSection(), clock)

    async def run() -> None:
        session = await session_of(database)
        known = Capabilities.from_rows(await session.query(SQL))
        context = ContextFactory(Settings()).make(QUERY_DURATIONS, statements, session, known)
        await statements.read(context, with_burst=False)
        dropped.execute(_NAP, [0.01])
        clock.now += 60
        await statements.read(context, with_burst=False)
        assert statements.histograms[dropped.name].calls == 1
        server.drop_database(dropped.name)
        clock.now += 61
        await statements.read(context, with_burst=False)
        assert statements.histograms[dropped.name].calls == 1
        clock.now += 300
        await statements.read(context, with_burst=False)
        assert dropped.name not in statements.histograms
        assert dropped.name not in dict(statements.top.others())
        assert server.database().name in statements.histograms
        await session.close()

    asyncio.run(run())


def test_an_outdated_extension_is_reported_with_its_update(
    database: Database, start_exporter: StartExporter
) -> None:
    """As pg_upgrade leaves it; once it is updated, the exporter follows."""
    database.execute("DROP EXTENSION pg_stat_statements")
    database.execute("CREATE EXTENSION pg_stat_statements VERSION '1.8'")
    exporter = start_exporter(database, statements=_OFTEN)
    skipped = {"collector": "query_duration", "reason": "outdated_extension"}
    assert scrape(exporter).value("migration_exporter_collector_skipped", **skipped) == 1
    assert "ALTER EXTENSION pg_stat_statements UPDATE;" in exporter.process.tail()

    database.execute("ALTER EXTENSION pg_stat_statements UPDATE")
    page = scrape_until(exporter, lambda page: is_known(page, database), "a first read")
    assert page.values("migration_exporter_collector_skipped") == []
    assert page.value("migration_exporter_collector_success", collector="query_duration") == 1


@pytest.mark.parametrize("shown", [False, True])
def test_texts_are_on_the_status_api_only_where_allowed(
    database: Database, start_exporter: StartExporter, *, shown: bool
) -> None:
    exporter = start_exporter(database, statements={**_OFTEN, "text": shown})
    scrape_until(exporter, lambda page: is_known(page, database), "a first read")
    database.execute(_NAP, [0.2])
    page = scrape_until(exporter, lambda page: count(page, database) == 1, "the call")
    assert "pg_sleep" not in page.text
    answer = exporter.get("/api/v1/status")
    [target] = answer.json()["targets"]
    [statement] = [
        statement for statement in target["statements"] if statement["datname"] == database.name
    ]
    assert statement["calls"] == 1
    assert statement["seconds"] >= 0.2
    assert statement["text"] == ("SELECT pg_sleep($1)" if shown else None)
