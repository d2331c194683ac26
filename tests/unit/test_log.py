"""The log: one line an event, and no password in it."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from pg_migration_exporter.log import JsonFormatter, TextFormatter, redact


def record(message: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord("pg", logging.INFO, "file.py", 1, message, values, None)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://watcher:s3cret@db/quests",
        "host=db password=s3cret dbname=quests",
        "host=db password = 's3cret with space' dbname=quests",
        r"PASSWORD='s3cret\'s' x",
        "url jdbc:postgresql://a:s3cret@h/x and password=s3cret",
    ],
)
def test_passwords_are_hidden(text: str) -> None:
    assert "s3cret" not in redact(text)
    assert "s3cret" not in TextFormatter().format(record("failed: %s", text))
    assert "s3cret" not in JsonFormatter().format(record("failed: %s", text))


def test_what_is_no_password_stays() -> None:
    text = "db:5432/quests: password authentication failed for user watcher"
    assert redact(text) == text


def test_json_lines_have_time_level_and_message() -> None:
    entry = json.loads(JsonFormatter().format(record("a\nb %s", "☃")))
    assert entry["message"] == "a\nb ☃"
    assert entry["level"] == "info"
    assert entry["time"].endswith("Z")


def test_a_line_break_in_a_name_begins_no_entry() -> None:
    forged = "quests\n2026-01-01T00:00:00Z INFO all is well\r\x1b[2J\u2028x"
    [line] = TextFormatter().format(record("database %s failed", forged)).splitlines()
    assert line.endswith(
        r"database quests\n2026-01-01T00:00:00Z INFO all is well\r\x1b[2J\u2028x failed"
    )


def test_a_line_break_in_an_error_begins_no_entry() -> None:
    entry = record("failed")
    try:
        raise ValueError("quests\n2026-01-01T00:00:00Z INFO all is well")
    except ValueError:
        entry.exc_info = sys.exc_info()
    _, *traceback = TextFormatter().format(entry).splitlines()
    assert traceback
    assert all(line.startswith("    ") for line in traceback)
