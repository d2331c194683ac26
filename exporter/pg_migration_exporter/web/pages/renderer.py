"""Renders the status as HTML.

A viewer gets the whole page once, then the sections that changed. Each status is rendered once, no
matter how many viewers there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from pg_migration_exporter import __version__
from pg_migration_exporter.formatting import clock, duration, one_line, short_duration
from pg_migration_exporter.status.model import Status
from pg_migration_exporter.status.phrases import (
    REASONS_SHOWN,
    STATEMENTS_SHOWN,
    check_result,
    session_activity,
    sessions_counted,
    target_title,
    time_spent,
)
from pg_migration_exporter.web.pages.assets import ASSETS

if TYPE_CHECKING:
    from jinja2 import Environment

#: The most events that the page shows: all that are kept.
MAX_ROWS = 1000
#: In the order of the page. Each is a macro in sections.html and the id of an element.
SECTIONS = (
    "overview",
    "verdict",
    "answers",
    "waits",
    "builds",
    "migrations",
    "checks",
    "health",
    "statements",
)
_CODE = re.compile("`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Page:
    """A rendered status: HTML of the sections by id, and of the events by number, latest first.

    `target` is the target shown in full, `requested` the one in the URL (None: all).
    """

    title: str
    level: str
    sections: Mapping[str, str]
    rows: Mapping[int, str]
    target: str
    requested: str | None

    def changes(self, shown: Page | None) -> dict[str, Any]:
        """Return what to send to a viewer who has `shown` (None: nothing yet).

        `rows` go above the rows shown; with `all_rows` they replace them.
        """
        before = shown.sections if shown else {}
        last = max(shown.rows, default=0) if shown and shown.target == self.target else 0
        continues = last in self.rows
        return {
            "title": self.title,
            "level": self.level,
            "sections": {
                name: html for name, html in self.sections.items() if before.get(name) != html
            },
            "rows": "".join(
                row for number, row in self.rows.items() if not continues or number > last
            ),
            "all_rows": not continues,
        }


class PageRenderer:
    """Renders each status once; the templates are loaded for the first viewer."""

    def __init__(self) -> None:
        self._latest: dict[str | None, tuple[Status, Page]] = {}
        self._row = lru_cache(2 * MAX_ROWS)(self._render_row)

    def render(self, status: Status, requested: str | None) -> Page:
        """Return the page of `status`; `requested` is the target in the URL, None for all."""
        before, page = self._latest.get(requested, (None, None))
        if page is None or before is not status:
            page = self._render(status, requested)
            self._latest[requested] = (status, page)
        return page

    def document(self, page: Page) -> str:
        """Return the HTML document."""
        names = {asset.type.partition("/")[2]: name for name, asset in ASSETS.items()}
        template = self._environment.get_template("page.html")
        return template.render(page=page, names=names, version=__version__, max_rows=MAX_ROWS)

    def _render(self, status: Status, requested: str | None) -> Page:
        shown = status.targets[0]
        several = len({event.datname for event in shown.events}) > 1
        return Page(
            title=f"{shown.verdict.verdict.upper()}: {shown.verdict.title} · "
            + target_title(shown.name, shown.server.address),
            level=shown.verdict.level,
            sections={name: self._macro(name)(status, shown, requested) for name in SECTIONS},
            rows={
                event.number: self._row(
                    event.time, event.level, event.text, event.datname if several else ""
                )
                for event in shown.events
            },
            target=shown.name,
            requested=requested,
        )

    def _render_row(self, *event: object) -> str:
        return str(self._macro("row")(*event))

    def _macro(self, name: str) -> Callable[..., str]:
        macro: Callable[..., str] = getattr(self._macros, name)
        return macro

    @cached_property
    def _macros(self) -> object:
        return self._environment.get_template("sections.html").module

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - for viewers only

        environment = Environment(
            loader=PackageLoader(__package__, ""),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals |= {
            "reasons_shown": REASONS_SHOWN,
            "statements_shown": STATEMENTS_SHOWN,
        }
        environment.filters |= {
            "check_result": check_result,
            "clock": clock,
            "duration": duration,
            "one_line": one_line,
            "session_activity": session_activity,
            "sessions_counted": sessions_counted,
            "short_duration": short_duration,
            "target_title": target_title,
            "time_spent": time_spent,
            "with_code": _with_code,
            "with_commands": _with_commands,
        }
        return environment


def _with_code(text: str) -> str:
    """Return text between backquotes as HTML code."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - jinja2's

    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def _with_commands(text: str) -> str:
    """Return text between backquotes as HTML code, with a button that copies it."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - jinja2's

    command = r'<code>\1</code><button type="button" class="copy">Copy</button>'
    return Markup(_CODE.sub(command, str(escape(text))))  # noqa: S704 - escaped before
