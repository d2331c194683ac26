"""The fields of a stored entry and their types in a search engine."""

from __future__ import annotations

#: Matched as a whole, counted and sorted: type keyword.
KEYWORDS = (
    "application_name",
    "backend_type",
    "db",
    "event",
    "func_name",
    "file_name",
    "level",
    "log_id",
    "ps",
    "query_id",
    "relation",
    "remote_host",
    "server",
    "session_id",
    "sqlstate",
    "timestamp",
    "user",
    "vxid",
)
#: Searched by words: type text.
TEXTS = (
    "message",
    "detail",
    "hint",
    "context",
    "statement",
    "internal_query",
    "location",
    "backtrace",
)
#: Converted to numbers in csvlog and the text format. query_id has too many digits for that.
INTEGERS = (
    "pid",
    "line_num",
    "remote_port",
    "txid",
    "internal_position",
    "cursor_position",
    "leader_pid",
    "file_line_num",
)
#: Field -> type. OpenSearch, "Supported field types".
MAPPING: dict[str, str] = {
    "@timestamp": "date",
    "session_start": "date",
    "seconds": "double",
    "migration": "boolean",
    **dict.fromkeys(KEYWORDS, "keyword"),
    **dict.fromkeys(TEXTS, "text"),
    **dict.fromkeys(INTEGERS, "long"),
}
