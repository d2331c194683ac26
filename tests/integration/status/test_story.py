"""What somebody on call sees of a real migration, from its start to its failure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from rich.console import Console

from pg_migration_exporter.status.model import STATUS_PATH, Status
from pg_migration_exporter.status.terminal import StatusView
from testbed.database import Database
from testbed.exporter import Exporter
from testbed.postgres import Server
from testbed.waiting import wait_until
from tests.fixtures.exporters import StartExporter
from tests.fixtures.pictures import Draw
from tests.integration.status.conftest import PHONE, Open, whole
from tests.integration.status.story import GATES, Story, begin

_WEB_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)


@pytest.fixture
def quests(server: Server) -> Iterator[Database]:
    """A database with a name that looks well in pictures."""
    yield server.create_database("quests")
    server.drop_database("quests")


@pytest.fixture
def story(quests: Database, start_exporter: StartExporter, tmp_path: Path) -> Iterator[Story]:
    story = begin(quests, start_exporter, tmp_path)
    with story.visited():
        yield story


def title(page: Page, text: str) -> None:
    """Await what the page says first."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def terminal(viewer: Open, exporter: Exporter) -> Callable[[], bytes]:
    """A picture of what `watch` shows, for `draw`."""

    def content() -> bytes:
        console = Console(record=True, width=110, file=StringIO(), force_terminal=True)
        console.print(StatusView(Status.model_validate(exporter.api(STATUS_PATH))))
        svg = _WEB_FONTS.sub("", console.export_svg(title="pg-migration-exporter watch"))
        page = viewer().page
        page.set_content(svg)
        return page.locator("svg").first.screenshot()

    return content


def verdict(page: Page, word: str) -> None:
    """Await the verdict."""
    expect(page.locator("#verdict .word")).to_have_text(word)


def see_who_waits(page: Page) -> None:
    """The session that wrote, the migration behind it, and two more behind that."""
    holder = page.get_by_role("region", name="Lock waits").locator(".tree > li")
    expect(holder).to_have_count(1)
    expect(holder.locator("> .session")).to_contain_text("quest-service")
    expect(holder.locator("> .session")).to_contain_text("idle in transaction")
    migration = holder.locator("> ul > li")
    expect(migration.locator("> .session")).to_contain_text("ShareLock on relation public.quests")
    expect(migration.locator("> .session")).to_contain_text("CREATE INDEX")
    expect(migration.locator("> ul > li")).to_have_count(2)
    expect(page.locator("#answers")).to_contain_text("Yes: 2 sessions wait behind the migration")
    waits = page.get_by_role("region", name="Lock waits")
    expect(waits).to_contain_text("3 sessions wait, 2 behind the migration")
    expect(page.locator("#builds")).to_contain_text("waiting for the table lock")
    expect(page.locator(".reason")).to_contain_text("It waits for quest-service")
    pid = holder.locator("> .session").inner_text().partition("pid ")[2].partition(",")[0]
    expect(page.locator(".steps")).to_contain_text(f"SELECT pg_terminate_backend({pid});")
    expect(page.locator("#events")).to_contain_text(" blocks ")
    assert "last stand" not in page.content()


def see_the_index_grow(page: Page, beyond: float) -> float:
    """Wait until the bar is above `beyond` percent; return its value."""
    bar = page.get_by_role("progressbar", name="Progress of the build")

    def reached() -> float | None:
        value = float(bar.get_attribute("value") or 0)
        return value if value > beyond else None

    return wait_until(reached, 60, f"the build is beyond {beyond} %")


def see_the_exporter_restart(page: Page, exporter: Exporter, heading: str) -> None:
    """The page reports the lost connection, keeps its content, and reconnects."""
    exporter.stop()
    expect(page.locator("#live")).to_contain_text("No update from the exporter")
    verdict(page, "HOLD")
    title(page, heading)
    exporter.start()
    expect(page.locator("#live")).to_contain_text("Live")
    title(page, heading)


def test_a_migration_as_it_is_seen(story: Story, viewer: Open, draw: Draw, *, drawn: bool) -> None:
    """One page that is never loaded again sees all: pending, blocked, running, done, failed."""
    live = viewer()
    page = live.open(story.exporter.url)
    page.evaluate("window.neverLoadedAgain = true")
    title(page, "Changesets are pending")
    expect(page.locator("#migrations")).to_contain_text("3 of 5 changesets have run")
    expect(page.locator("#statements")).to_contain_text("SELECT title FROM quests WHERE id = $1")
    if drawn:  # the baseline takes minutes: pictures wait for it
        expect(page.locator("#health")).to_contain_text("usually", timeout=240_000)

    first, second = GATES
    with story.shut(second):
        with story.shut(first):
            with story.blocked() as update:
                title(page, "The migration is blocked")
                see_who_waits(page)
                verdict(page, "HOLD")
                assert live.accessibility_findings() == []
                draw("status-blocked.png", whole(page))
                draw("terminal-blocked.png", terminal(viewer, story.exporter))

                phone = viewer(PHONE, color_scheme="dark")
                title(phone.open(story.exporter.url), "The migration is blocked")
                assert phone.is_as_wide_as_the_screen()
                assert phone.height() <= 2 * PHONE[1]
                assert phone.accessibility_findings() == []
                draw("status-phone.png", whole(phone.page))
            title(page, "A migration is running, and others wait for it")
            share = see_the_index_grow(page, beyond=0)
        see_the_index_grow(page, beyond=share)
        draw("status-running.png", whole(page))
    assert update.wait(60) == 0
    title(page, "All is well: everything expected has run")
    expect(page.locator("#migrations")).to_contain_text("5 of 5 changesets have run")
    expect(page.locator("#events")).to_contain_text("quests.sql::add-zone::bob is recorded")
    draw("status-calm.png", whole(page))

    story.break_changelog()
    assert story.update().wait(60) == 1
    title(page, "The migration seems to have failed")
    verdict(page, "ABORT")
    expect(page.locator("#migrations")).to_contain_text("quests.sql::rename-zone::bob inferred")
    runbook = page.get_by_role("link", name="Runbook: DatabaseMigrationFailed")
    url = "https://runbooks.example.com/DatabaseMigrationFailed.md"
    expect(runbook).to_have_attribute("href", url)
    assert live.accessibility_findings() == []
    draw("status-failed.png", whole(page))
    see_the_exporter_restart(page, story.exporter, "The migration seems to have failed")
    assert page.evaluate("window.neverLoadedAgain")
