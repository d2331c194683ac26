"""A real browser, and what every page that it opened has to answer for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect, sync_playwright

from testbed.exporter import Exporter
from testbed.programs import ROOT, program

AXE = ROOT / ".tools/browser/node_modules/axe-core/axe.min.js"
#: Milliseconds: patience of a busy machine.
PATIENCE = 30_000
DESKTOP, PHONE = (1280, 900), (390, 844)
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for these tests. It ends with them: it keeps an event loop in this thread."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program("chromium"),
            args=_OPTIONS,
            env={"HOME": str(tmp_path_factory.mktemp("chromium"))},
        )
        yield browser
        browser.close()


@dataclass
class Viewer:
    """A page in the browser, and everything that the browser complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, url: str, *, live: bool = True) -> Page:
        """Open the page, and wait until news arrive."""
        self.page.goto(url)
        if live:
            expect(self.page.locator("#live")).to_contain_text("Live")
        return self.page

    def accessibility_findings(self) -> list[str]:
        """What axe-core finds serious or critical: the rule and where."""
        self.page.evaluate(AXE.read_text())
        found: dict[str, Any] = self.page.evaluate("axe.run()")
        assert found["passes"]
        return [
            f"{violation['id']}: {json.dumps([node['target'] for node in violation['nodes']])}"
            for violation in found["violations"]
            if violation["impact"] in {"serious", "critical"}
        ]

    def height(self) -> int:
        """The height of the page in CSS pixels."""
        return int(self.page.evaluate("document.documentElement.scrollHeight"))

    def is_as_wide_as_the_screen(self) -> bool:
        """True if nothing has to be scrolled sideways."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth")
        assert self.page.viewport_size is not None
        return width <= self.page.viewport_size["width"]


Open = Callable[..., Viewer]


@pytest.fixture
def viewer(browser: Browser) -> Iterator[Open]:
    """Make a viewer: `viewer(PHONE, color_scheme="dark")`. In the end none may have complained.

    Complaints are errors of scripts, violations of the Content-Security-Policy and dialogs. That
    the exporter is away for a while is none: a test restarts it.
    """
    viewers: list[Viewer] = []
    with ExitStack() as stack:

        def make(size: tuple[int, int] = DESKTOP, **options: Any) -> Viewer:
            viewport: Any = {"width": size[0], "height": size[1]}
            context = browser.new_context(viewport=viewport, **options)
            stack.callback(context.close)
            found = Viewer(context.new_page())
            found.page.set_default_timeout(PATIENCE)
            _listen(found)
            viewers.append(found)
            return found

        yield make
        assert [complaint for viewer in viewers for complaint in viewer.complaints] == []


def _listen(viewer: Viewer) -> None:
    def dismiss(dialog: Dialog) -> None:
        viewer.complaints.append(dialog.message)
        dialog.dismiss()

    page = viewer.page
    page.on("pageerror", lambda error: viewer.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            viewer.complaints.append(message.text)
            if message.type == "error" and "net::ERR_" not in message.text
            else None
        ),
    )
    page.on("dialog", dismiss)


def whole(page: Page) -> Callable[[], bytes]:
    """A picture of the whole page, for `draw`; bars are as long as they shall be."""
    return lambda: page.screenshot(full_page=True, animations="disabled")


def changelog_folder(exporter: Exporter) -> Path:
    """A place for changelog files that both Liquibase and the exporter can read."""
    folder = exporter.folder / "changelog"
    folder.mkdir(exist_ok=True)
    return folder
