"""The page in a browser: what is hostile, long, missing or switched off does it no harm."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect
from psycopg import sql

from testbed.database import Database
from tests.fixtures.exporters import StartExporter
from tests.integration.status.conftest import Open

_HOSTILE = "<img src=x onerror=alert(1)>"
_BUSY = {"interval": "1s", "busy_interval": "500ms"}
_EVENTS = 1000


@contextmanager
def blocked_build(database: Database, name: str) -> Iterator[None]:
    """A build of the index `name` on the table of that name waits for an application of it."""
    quoted = sql.Identifier(name)
    with database.connect() as connection:
        connection.execute(sql.SQL("CREATE TABLE {} (id int, {} text)").format(quoted, quoted))
        index = sql.Identifier(f"{name}i")
        build = sql.SQL("CREATE INDEX {} ON {} (id)").format(index, quoted).as_string(connection)
    with ThreadPoolExecutor(1) as thread:
        connection = database.connect(application_name=name)
        with connection as writer, writer.transaction():
            writer.execute(sql.SQL("INSERT INTO {} VALUES (1, 'secret')").format(quoted))
            waiting = thread.submit(database.execute, build, application_name="liquibase")
            yield
        waiting.result(timeout=30)


def test_hostile_names_are_shown_as_text(
    database: Database, start_exporter: StartExporter, viewer: Open
) -> None:
    check = {"name": "check", "help": "Any.", "phase": "pre", "severity": "critical"}
    check["sql"] = f"select false, '{_HOSTILE}'"
    exporter = start_exporter(database, watch=_BUSY, checks=[check])
    watching = viewer()
    page = watching.open(exporter.url)
    with blocked_build(database, _HOSTILE):
        for region in ("#waits", "#builds", "#events", "#checks"):
            expect(page.locator(region)).to_contain_text(_HOSTILE)
        page.reload()
        expect(page.locator("#waits")).to_contain_text(_HOSTILE)
        assert page.locator("img").count() == 0
        assert watching.accessibility_findings() == []
        assert "secret" not in exporter.get("/api/v1/status").text


def test_statements_are_shown_where_that_is_configured(
    database: Database, start_exporter: StartExporter, viewer: Open
) -> None:
    exporter = start_exporter(database, status={"statements": True})
    page = viewer().open(exporter.url)
    with blocked_build(database, "quests"):
        statement = page.locator("#waits pre").first
        expect(statement).to_have_text("""INSERT INTO "quests" VALUES (1, '...')""")


def add_changesets(database: Database, first: int, last: int) -> None:
    database.execute(
        "INSERT INTO databasechangelog SELECT g, 'alice', 'quests.sql', now(), g, 'EXECUTED',"
        " '9:0', NULL, NULL, NULL, NULL, NULL, NULL, '1234567890'"
        " FROM generate_series(%s::int, %s::int) g",
        [first, last],
    )


@pytest.fixture
def history(database: Database) -> Database:
    """Liquibase's tables, empty."""
    database.execute(
        "CREATE TABLE databasechangelog (id text, author text, filename text, dateexecuted"
        " timestamp, orderexecuted int, exectype text, md5sum text, description text, comments"
        " text, tag text, liquibase text, contexts text, labels text, deployment_id text)"
    )
    database.execute(
        "CREATE TABLE databasechangeloglock (id int, locked bool, lockgranted timestamp,"
        " lockedby text)"
    )
    return database


def test_a_thousand_events_stay_smooth(
    history: Database, start_exporter: StartExporter, viewer: Open
) -> None:
    """What comes is put on top: the rows that are there stay the same elements."""
    exporter = start_exporter(history, watch=_BUSY)
    page = viewer().open(exporter.url)
    expect(page.locator("#migrations")).to_contain_text("changesets have run")
    add_changesets(history, 1, _EVENTS)
    rows = page.locator("#events li")
    changesets = rows.filter(has_text="::alice")
    expect(rows).to_have_count(_EVENTS)
    expect(changesets.first).to_contain_text(f"quests.sql::{_EVENTS}::alice")
    expect(rows.first).to_contain_text("The state is succeeded")
    page.evaluate(
        "window.added = 0;"
        "new MutationObserver(all => all.forEach(one => window.added += one.addedNodes.length))"
        ".observe(document.getElementById('events'), {childList: true, subtree: true})"
    )
    add_changesets(history, _EVENTS + 1, _EVENTS + 3)
    expect(changesets.first).to_contain_text(f"quests.sql::{_EVENTS + 3}::alice")
    expect(rows.first).to_contain_text("The state is succeeded")
    expect(rows).to_have_count(_EVENTS)
    changesets_and_running_ended_succeeded = 3 + 3
    assert page.evaluate("window.added") == changesets_and_running_ended_succeeded


def test_the_server_is_away(
    database: Database, start_exporter: StartExporter, viewer: Open
) -> None:
    """The page says so first, and how old the rest is; then everything is well again."""
    page = viewer().open(start_exporter(database).url)
    expect(page.locator("#answers")).to_contain_text("collectors answered")
    admin = Database(database.port, "postgres", database.user, database.password)
    admin.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    admin.execute(end, [database.name])
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("PostgreSQL cannot be reached")
    expect(page.locator(".reason")).to_contain_text("not currently accepting connections")
    expect(page.locator(".age")).to_contain_text("The server last answered")
    expect(page.locator("#answers")).to_contain_text("everything here is old")
    admin.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")
    expect(heading).to_have_text("This database has never been migrated")


def test_the_exporter_is_blind(
    database: Database, start_exporter: StartExporter, viewer: Open
) -> None:
    """Without rights it does not guess: it says what it cannot see, and the grant that fixes it."""
    role = f"{database.name}_role"
    database.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    try:
        poor = Database(database.port, database.name, role, "x")
        page = viewer().open(start_exporter(poor).url)
        expect(page.get_by_role("heading", level=1)).to_have_text(
            "The exporter is blind: it cannot read the state of the migration"
        )
        expect(page.locator("#health")).to_contain_text(f'GRANT pg_monitor TO "{role}"')
        database.execute(f"GRANT pg_monitor TO {role}")
        expect(page.get_by_role("heading", level=1)).not_to_contain_text("blind")
    finally:
        database.execute(f"DROP ROLE {role}")


def test_without_scripts_the_page_loads_itself_again(
    database: Database, start_exporter: StartExporter, viewer: Open
) -> None:
    exporter = start_exporter(database)
    page = viewer(java_script_enabled=False).open(exporter.url, live=False)
    expect(page.locator("#live")).to_contain_text("the page reloads")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    with page.expect_navigation():
        pass
    answer = exporter.get("/")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "style=" not in answer.text
    assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")


def test_the_keyboard_leads_everywhere(
    database: Database, start_exporter: StartExporter, viewer: Open
) -> None:
    """In reading order, the focus is visible, and what a reader opened stays open."""
    page = viewer().open(start_exporter(database).url)
    expect(page.locator("#answers")).to_contain_text("collectors answered")
    focused = [press_tab(page) for _ in range(14)]
    assert focused[:2] == ["Skip to the verdict", "pg-migration-exporter"]
    assert focused.index("Why this state") < focused.index("/metrics")
    page.get_by_text("Why this state").focus()
    page.keyboard.press("Enter")
    opened = page.locator("details[open]:not(.fold)")
    expect(opened).to_have_count(1)
    shown = page.locator(".age time").inner_text()
    expect(page.locator(".age time")).not_to_have_text(shown)
    expect(opened).to_have_count(1)
    assert page.evaluate("document.activeElement.textContent") == "Why this state"


def press_tab(page: Page) -> str:
    """Where the focus is after the next press."""
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    text: str = page.evaluate("document.activeElement.textContent")
    return text
