"""The documented schema, and what the model makes of hostile text."""

from __future__ import annotations

import json
from pathlib import Path

from pg_migration_exporter.status.model import StatusEvent
from pg_migration_exporter.status.schema import schema

DOCUMENT = Path(__file__).resolve().parents[3] / "docs/status.schema.json"


def test_the_document_is_the_schema() -> None:
    """`make render` writes it."""
    assert DOCUMENT.read_text() == schema()


def test_every_part_says_what_it_is() -> None:
    for name, part in json.loads(schema())["$defs"].items():
        assert part.get("description"), name


def test_bytes_that_are_no_text() -> None:
    """They are shown as such: JSON cannot hold them."""
    event = StatusEvent(
        number=1,
        time=0,
        kind="index_build_started",
        datname="game",
        subject="s\udcff",
        level="info",
        text="s\udcff",
        details={"command": "\udcfe"},
    )
    assert event.subject == r"s\xff"
    assert json.loads(event.model_dump_json())["details"] == {"command": r"\xfe"}
