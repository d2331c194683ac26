"""The log: one line an event, and no password in it."""

from __future__ import annotations

import json
import logging

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
