"""The status page as HTML: sections that are rendered from the model, and its static files.

A viewer gets the whole page once and then the sections that changed. Rendering happens once for a
look, however many follow.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from pg_migration_exporter import __version__
from pg_migration_exporter.status.model import Status
from pg_migration_exporter.status.words import clock, doing, duration, place, said, waiting

if TYPE_CHECKING:
    from jinja2 import Environment

#: Events that the page shows: as many as are kept.
MOST_ROWS = 1000
#: In the order of the page; each is a macro of sections.html, in an element of this id.
SECTIONS = ("overview", "verdict", "answers", "migrations", "checks", "waits", "builds", "health")
_CODE = re.compile("`([^`]+)`")
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file; `name` is where it is served."""

    name: str
    type: str
    content: bytes


def _read_assets() -> dict[str, Asset]:
    found = {}
    for file in ("status.css", "status.js", "icon.svg"):
        content = files(__name__).joinpath(file).read_bytes()
        stem, _, suffix = file.partition(".")
        name = f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}.{suffix}"
        found[name] = Asset(name, _TYPES[suffix], content)
    return found


#: By the name they are served under.
ASSETS: Mapping[str, Asset] = _read_assets()


@dataclass(frozen=True, slots=True)
class Page:
    """One look, rendered: the sections by id, and a row for each event, the latest one first.

    `target` is the one that is shown in full; `asked` the one that was asked for, None for all.
    """

    title: str
    level: str
    sections: Mapping[str, str]
    rows: Mapping[int, str]
    target: str
    asked: str | None

    def changes(self, shown: Page | None) -> dict[str, Any]:
        """What a viewer that was shown `shown` (None: nothing yet) has to be sent.

        `rows` belong on top of those shown; with `all_rows` they take their place.
        """
        before = shown.sections if shown else {}
        last = max(shown.rows, default=0) if shown and shown.target == self.target else 0
        fits = last in self.rows
        return {
            "title": self.title,
            "level": self.level,
            "sections": {
                name: html for name, html in self.sections.items() if before.get(name) != html
            },
            "rows": "".join(row for number, row in self.rows.items() if not fits or number > last),
            "all_rows": not fits,
        }


class Pages:
    """Renders looks, each once, with templates that are loaded when somebody looks."""

    def __init__(self) -> None:
        self._latest: dict[str | None, tuple[Status, Page]] = {}
        self._row = lru_cache(2 * MOST_ROWS)(self._render_row)

    def render(self, status: Status, asked: str | None) -> Page:
        """The page for this look at the target that was asked for, None for all."""
        before, page = self._latest.get(asked, (None, None))
        if page is None or before is not status:
            page = self._render(status, asked)
            self._latest[asked] = (status, page)
        return page

    def document(self, page: Page) -> str:
        """The HTML document."""
        names = {asset.type.partition("/")[2]: name for name, asset in ASSETS.items()}
        template = self._environment.get_template("page.html")
        return template.render(page=page, names=names, version=__version__, most_rows=MOST_ROWS)

    def _render(self, status: Status, asked: str | None) -> Page:
        shown = status.targets[0]
        several = len({one.datname for one in shown.events}) > 1
        return Page(
            title=f"{shown.verdict.title} · {place(shown.name, shown.server.address)}",
            level=shown.verdict.level,
            sections={one: self._macro(one)(status, shown, asked) for one in SECTIONS},
            rows={
                one.number: self._row(one.time, one.level, one.text, one.datname * several)
                for one in shown.events
            },
            target=shown.name,
            asked=asked,
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
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - for viewers

        environment = Environment(
            loader=PackageLoader(__package__.rpartition(".")[0], "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {
            "clock": clock,
            "doing": doing,
            "duration": duration,
            "marked": _marked,
            "place": place,
            "said": said,
            "waiting": waiting,
        }
        return environment


def _marked(text: str) -> str:
    """What stands between backquotes, as code."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - jinja2's

    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before
