"""What a log holds beside what OpenSearch has stored of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from pg_migration_exporter.logs.formats import FormatName
from tests.fixtures.fluent_bit import KEEP_ALL, log_values
from tests.logs.onigmo_pipeline import Pipeline
from tests.logs.opensearch import Document, OpenSearch

#: What an entry gets on its way, from its server and its place in the log.
_ADDED = ("@timestamp", "server", "log_id")


@dataclass(frozen=True, slots=True)
class Stored:
    """What the log holds, and where it has been stored twice."""

    search: OpenSearch
    entries: list[Document]
    times: dict[str, str]

    def matching(self, condition: Callable[[Document], bool]) -> list[Document]:
        return [entry for entry in self.entries if condition(entry)]


class Log:
    """What the rules make of a log, and when the server says that it wrote each entry."""

    def __init__(self, name: FormatName, text: str) -> None:
        pipeline = Pipeline(log_values(KEEP_ALL), name)
        documents = pipeline.documents(text)
        self.entries = [bare(pipeline.script.call("identify", each)[2]) for each in documents]
        self.times = {
            f"tested-{entry['session_id']}-{entry['line_num']}": time_of(lines)
            for entry, lines in zip(self.entries, pipeline.entries(text), strict=True)
        }


def time_of(entry: str) -> str:
    """As OpenSearch has it. Formats differ: the server looks at its clock for each."""
    found = re.search(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3}) UTC", entry)
    assert found
    return f"{found[1]}T{found[2]}Z"


def bare(document: Document) -> Document:
    """Without what an entry gets on its way.

    As JSON, numbers lose their last digits; what no rule could read may keep the end of its line.
    """
    rounded: Document = {
        name: round(v, 9) if isinstance(v, float) else v for name, v in document.items()
    }
    rounded["message"] = rounded["message"].removesuffix("\n")
    return {name: value for name, value in rounded.items() if name not in _ADDED}


def canonical(documents: list[Document]) -> list[str]:
    return sorted(json.dumps(document, sort_keys=True) for document in documents)
