"""The exporter's own log on standard error: text or JSON, never a password."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from typing import Any, Literal

from pg_migration_exporter.formatting import printable

_PASSWORD = re.compile(r"((?:password|passwd|pwd)\s*=\s*)('(?:\\.|[^'\\])*+'|\S+)", re.IGNORECASE)
_WORD = re.compile(r"\S+")


def redact(text: str) -> str:
    """Hide anything like a password in a connection string or URL."""
    if "://" in text:
        text = _WORD.sub(_without_password, text)
    return _PASSWORD.sub(r"\1***", text)


def _without_password(match: re.Match[str]) -> str:
    """Hide what is between the first : and the last @ of a URL: a password may contain both."""
    before, separator, rest = match[0].partition("://")
    login, at, server = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{before}{separator}{user}:***@{server}" if at and colon else match[0]


class TextFormatter(logging.Formatter):
    """`2026-01-06T20:15:00Z INFO message`, one line each unless there is a traceback."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, passwords hidden."""
        return redact(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name in logging
        """Return the first line; a line break in a name must not begin another entry."""
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - its name in logging
        """Return the lines of a traceback, which do not begin like an entry."""
        return "\n".join(
            f"    {printable(line)}" for line in super().formatException(ei).splitlines()
        )


class JsonFormatter(TextFormatter):
    """One JSON object a line: time, level, logger, message, and error where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, passwords hidden."""
        entry = {
            "time": self.formatTime(record, self.datefmt),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            entry["error"] = redact(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def configure(level: str, form: Literal["text", "json"]) -> None:
    """Send all logging to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # uvicorn logs at its info level what the exporter logs itself.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
