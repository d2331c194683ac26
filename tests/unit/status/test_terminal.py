"""What a terminal is shown of text that others chose."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from pg_migration_exporter.status.events import happenings
from pg_migration_exporter.status.model import TargetStatus
from pg_migration_exporter.status.terminal import StatusView
from pg_migration_exporter.watch.events import Event, EventLog
from tests.unit.status import made

_HOSTILE = "quests\x1b[2J\x1b]0;mine\x07\r\u202e[bold]"


def shown(target: TargetStatus, width: int) -> str:
    out = StringIO()
    console = Console(file=out, force_terminal=True, color_system=None, width=width)
    console.print(StatusView(made.status(target)))
    return out.getvalue()


@pytest.mark.parametrize("width", [20, 100])
def test_text_of_others_does_not_steer_the_terminal(width: int) -> None:
    log = EventLog()
    log.tell(Event("index_build_started", "game", _HOSTILE, {"command": "REINDEX"}))
    text = shown(made.target(_HOSTILE, title=_HOSTILE, events=happenings(log)), width)
    assert "quests" in text
    assert "[bold]" in text.replace("\n", "").replace(" ", "").replace("│", "")
    assert not set(text) & set("\x07\r\u202e")
    assert "\x1b[2J" not in text
    assert "\x1b]" not in text
