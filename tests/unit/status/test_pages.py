"""What a viewer gets: everything once, then what has changed."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from pg_migration_exporter.engine.event_log import EventLog
from pg_migration_exporter.events import Event, EventKind
from pg_migration_exporter.status.events import describe_events
from pg_migration_exporter.status.model import StatusEvent
from pg_migration_exporter.status.phrases import STATEMENTS_SHOWN
from pg_migration_exporter.web.pages import ASSETS, SECTIONS, PageRenderer
from tests.unit.status.made import status, target


def started(number: int, subject: str = "i") -> Sequence[StatusEvent]:
    log = EventLog()
    for _ in range(number):
        log.emit(Event(EventKind.INDEX_BUILD_STARTED, "game", subject, {"command": "REINDEX"}))
    return describe_events(log)


def test_only_what_changed_is_sent() -> None:
    renderer = PageRenderer()
    first = renderer.render(status(target("a", events=started(2))), None)
    whole = first.changes(None)
    assert set(whole["sections"]) == set(SECTIONS)
    assert whole["all_rows"]
    assert whole["rows"].count("<li") == 2

    second = renderer.render(status(target("a", title="It failed", events=started(3))), None)
    change = second.changes(first)
    assert set(change["sections"]) == {"verdict"}
    assert not change["all_rows"]
    assert change["rows"].count("<li") == 1

    again = second.changes(second)
    assert (again["sections"], again["rows"], again["all_rows"]) == ({}, "", False)


def test_events_of_another_target_or_process_take_the_place_of_those_shown() -> None:
    renderer = PageRenderer()
    shown = renderer.render(status(target("a", events=started(5))), None)
    for other in (target("b", events=started(7)), target("a", events=started(2))):
        change = renderer.render(status(other), None).changes(shown)
        assert change["all_rows"]
        assert change["rows"].count("<li") == len(other.events)


def test_a_status_is_rendered_once() -> None:
    renderer, one_status = PageRenderer(), status(target("a"))
    assert renderer.render(one_status, None) is renderer.render(one_status, None)
    assert renderer.render(one_status, None) is not renderer.render(one_status, "a")


def test_of_several_targets_the_worst_is_shown_and_all_are_listed() -> None:
    worst = target("db-2", "critical", "The migration failed")
    page = PageRenderer().render(status(worst, target("db-1")), None)
    assert page.title == "GO: The migration failed · db-2 (db-2)"
    assert [page.sections["overview"].count(f"?target={name}") for name in ("db-1", "db-2")] == [
        1,
        1,
    ]
    alone = PageRenderer().render(status(target("db-1")), "db-1")
    assert "All targets" in alone.sections["overview"]


def test_names_are_text() -> None:
    hostile = "<script>alert(1)</script>\"'`<b>`"
    renderer = PageRenderer()
    page = renderer.render(status(target(hostile, title=hostile, events=started(1, hostile))), None)
    document = renderer.document(page)
    assert document.count("<script") == 1
    assert "&lt;script&gt;" in document
    assert "<b>" not in document


STATEMENT = {
    "datname": "game",
    "usename": "app",
    "queryid": "42",
    "calls": 8,
    "seconds": 2.0,
    "rows": 8,
}


@pytest.mark.parametrize(
    ("text", "shown_as"),
    [
        (None, "queryid <code>42</code>"),
        (None, "The texts are in pg_stat_statements"),
        ("SELECT <$1>", "SELECT &lt;$1&gt;"),
    ],
)
def test_statements_are_shown_with_their_text_where_it_is_known(
    text: str | None, shown_as: str
) -> None:
    shown = target("a", statements=[{**STATEMENT, "text": text}] * 9)
    section = PageRenderer().render(status(shown), None).sections["statements"]
    assert section.count("2 s in 8 calls, 250 ms each") == STATEMENTS_SHOWN
    assert shown_as in section


DOWN = {"level": "critical", "state": "down", "title": "Down", "reason": ""}


def test_a_runbook_is_linked_once() -> None:
    runbook = {"alert": "PostgresDown", "url": "https://runbooks.example.com/PostgresDown.md"}
    other = {"alert": "IndexInvalid", "url": None}
    answer = {"level": "critical", "answer": "No", "detail": ""}
    verdict = {**target("a").verdict.model_dump(), **DOWN, "runbook": runbook}
    shown = target(
        "a",
        verdict=verdict,
        answers=[
            {**answer, "question": "Can this page be trusted?", "runbook": runbook},
            {**answer, "question": "Did it work?", "runbook": other},
        ],
    )
    sections = PageRenderer().render(status(shown), None).sections
    assert sections["verdict"].count("PostgresDown.md") == 1
    assert "PostgresDown" not in sections["answers"]
    assert "Runbook: IndexInvalid" in sections["answers"]


def test_commands_are_shown_as_code() -> None:
    shown = target("a").verdict.model_dump()
    verdict = {**shown, "level": "critical", "steps": "Run `ack <name>`."}
    page = PageRenderer().render(status(target("a", verdict=verdict)), None)
    copied = '<code>ack &lt;name&gt;</code><button type="button" class="copy">Copy</button>'
    assert f"Run {copied}." in page.sections["verdict"]


def test_the_verdict_comes_first_with_its_reasons() -> None:
    reasons = [
        {"name": f"R{n}", "verdict": "hold", "datname": "", "text": f"reason {n}", "ago_seconds": 9}
        for n in range(6)
    ]
    verdict = target("a").verdict.model_dump() | {"verdict": "hold", "reasons": reasons}
    section = PageRenderer().render(status(target("a", verdict=verdict)), None).sections["verdict"]
    words = re.sub(r"<[^>]*>", " ", section).split()
    assert words[:9] == ["HOLD", "reason", "0", "(until", "9", "s", "ago)", "reason", "1"]
    assert "reason 3" in section
    assert "reason 4" not in section
    assert "and 2 more" in section


def test_names_of_files_change_with_their_content() -> None:
    assert len(ASSETS) == 3
    for name, asset in ASSETS.items():
        stem, _, rest = name.partition("-")
        assert stem in {"status", "icon"}
        assert len(rest.partition(".")[0]) == 12
        assert b"http://" not in asset.content.replace(b"http://www.w3.org/2000/svg", b"")
