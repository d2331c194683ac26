r"""The three formats of PostgreSQL's log and the patterns that parse them.

Fluent Bit's configuration is rendered from these patterns, and `logs check` uses them too, so that
the check reports what the pipeline does. They are in the syntax of Onigmo, where `^` and `$` match
at every line: a whole entry is `\A...\z`.

Every line of a log is matched, so the patterns are written for Onigmo's speed: it tries `^` at each
character of a line but `\A` only at the first, and it stores a backtracking position for each
iteration of a loop that is not possessive (`*+`) or in `(?>...)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from pg_migration_exporter.logs.prefix import prefix_pattern

FormatName = Literal["jsonlog", "csvlog", "stderr"]

#: PostgreSQL, error_severity() in elog.c. All five debug levels are written as DEBUG.
Level = Literal["DEBUG", "LOG", "INFO", "NOTICE", "WARNING", "ERROR", "FATAL", "PANIC"]
LEVELS: tuple[Level, ...] = get_args(Level)
#: Sections after the message in the text format, in this order: label -> field.
SECTIONS = {
    "DETAIL": "detail",
    "HINT": "hint",
    "QUERY": "internal_query",
    "CONTEXT": "context",
    "LOCATION": "location",
    "BACKTRACE": "backtrace",
    "STATEMENT": "statement",
}
TIME_FORMAT = "%Y-%m-%d %H:%M:%S.%L %Z"
_TIME = r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{3} [^,\s]+"


@dataclass(frozen=True, slots=True)
class Format:
    """How one format is parsed: lines to entries, an entry to fields.

    `start` matches the first line of an entry and `continuation` the others; if both are None, each
    line is an entry. `entry` matches a whole entry; it is None if entries are JSON objects.
    """

    name: FormatName
    suffix: str
    time: str
    start: str | None = None
    continuation: str | None = None
    entry: str | None = None


def formats(prefix: str) -> dict[FormatName, Format]:
    """Return the formats by name; `prefix` is the log_line_prefix of the text format."""
    known = (_jsonlog(), _csvlog(), _stderr(prefix))
    return {log_format.name: log_format for log_format in known}


def _jsonlog() -> Format:
    return Format("jsonlog", ".json", "timestamp")


# --- csvlog: an entry spans several lines if a quoted field does ------------------------------


#: The text between two quotes.
_CONTENT = '(?:[^"]++|"")*+'


def _quoted(name: str = "") -> str:
    """Return the pattern of a field that is quoted, or empty for NULL."""
    group = f"?<{name}>" if name else "?:"
    return f'(?:"({group}{_CONTENT})")?'


def _plain(name: str) -> str:
    return f"(?<{name}>[^,\\n]*)"


#: PostgreSQL, "Using CSV-Format Log Output": 26 columns since version 14.
_CSV_COLUMNS = (
    f"(?<time>{_TIME})",
    _quoted("user"),
    _quoted("db"),
    _plain("pid"),
    r'(?:"(?<remote_host>[^"]*?)(?::(?<remote_port>\d+))?")?',
    _plain("session_id"),
    _plain("line_num"),
    _quoted("ps"),
    _plain("session_start"),
    _plain("vxid"),
    _plain("txid"),
    _plain("level"),
    _plain("sqlstate"),
    _quoted("message"),
    _quoted("detail"),
    _quoted("hint"),
    _quoted("internal_query"),
    _plain("internal_position"),
    _quoted("context"),
    _quoted("statement"),
    _plain("cursor_position"),
    _quoted("location"),
    _quoted("application_name"),
    _quoted("backend_type"),
    _plain("leader_pid"),
    _plain("query_id"),
)


def _csvlog() -> Format:
    # Matched up to the line's number, because a line of SQL may begin with a time too. A rejected
    # client may have sent a name with a line break; then the line ends inside that name.
    broken = f'"{_CONTENT}$'
    session = rf"{_quoted()},\d+,{_quoted()},[0-9a-f]+\.[0-9a-f]+,\d+,"
    start = f"{_TIME},(?:{broken}|{_quoted()},(?:{broken}|{session}))"
    entry = ",".join(_CSV_COLUMNS)
    return Format("csvlog", ".csv", "time", rf"\A{start}", rf"\A(?!{start})", rf"\A{entry}\n?\z")


# --- stderr: sections repeat the prefix, continuation lines begin with a tab ------------------

_TEXT = r"(?>.*(?:\n\t.*)*)"


def _stderr(prefix: str) -> Format:
    before = prefix_pattern(prefix, capture=False)
    levels, labels = "|".join(LEVELS), "|".join(SECTIONS)
    first = rf"{prefix_pattern(prefix, capture=True)}(?<level>{levels}):  (?<message>{_TEXT})"
    return Format(
        "stderr",
        ".log",
        "time",
        start=rf"\A{before}(?:{levels}):  ",
        continuation=rf"\A(?:\t|{before}(?:{labels}):  )",
        entry=rf"\A{first}{''.join(_sections(before))}\n?\z",
    )


def _sections(before: str) -> Iterator[str]:
    for label, name in SECTIONS.items():
        yield rf"(?:\n{before}{label}:  (?<{name}>{_TEXT}))?"
