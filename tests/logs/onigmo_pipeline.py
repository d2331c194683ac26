"""The rendered parsers and the rendered Lua script, run as Fluent Bit runs them, without it.

Oniguruma is the library that Fluent Bit's Onigmo was forked from; both read the syntax of Ruby.
LuaJIT is the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import onigurumacffi
import yaml
from lupa.luajit21 import LuaRuntime, lua_type

from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.logs.formats import FormatName
from tests.fixtures.fluent_bit import rendered

Document = dict[str, Any]


class Pattern:
    """A regular expression of a configuration, with names for its groups."""

    def __init__(self, pattern: str) -> None:
        self._names = re.findall(r"\(\?<(\w+)>", pattern)
        self._compiled = onigurumacffi.compile(pattern)

    def matches(self, text: str) -> bool:
        return self._compiled.search(text) is not None

    def groups(self, text: str) -> dict[str, str] | None:
        """Groups that are not empty, as Fluent Bit has them."""
        match = self._compiled.search(text)
        if match is None:
            return None
        found = {name: match.group(number) for number, name in enumerate(self._names, 1)}
        return {name: text for name, text in found.items() if text}


class Script:
    """The rendered Lua script."""

    def __init__(self, values: Values) -> None:
        self._lua = LuaRuntime(unpack_returned_tuples=True)
        self._lua.execute(rendered(values, "fluent-bit/postgresql.lua"))

    def call(self, name: str, record: Document, time: float = 1e9) -> tuple[int, float, Document]:
        """What a function returns: its code, the time, and the record."""
        function = self._lua.globals()[name]
        code, when, table = function("postgresql", time, self._lua.table_from(record))
        assert lua_type(table) == "table"
        return code, when, dict(table)

    def normalize(self, name: FormatName, record: Document) -> Document:
        return self.call(f"from_{name}", record)[2]


class Pipeline:
    """Reads one format: lines to entries to documents."""

    def __init__(self, values: Values, name: FormatName) -> None:
        self.name = name
        self.script = Script(values)
        parsers = yaml.safe_load(rendered(values, "fluent-bit/parsers.yaml"))
        self.parser = _named(parsers["parsers"], f"pg_{name}")
        self._entry = Pattern(self.parser["regex"]) if "regex" in self.parser else None
        lines = _named(parsers["multiline_parsers"], f"pg_{name}_lines")
        rules = {rule["state"]: Pattern(rule["regex"][1:-1]) for rule in lines.get("rules", [])}
        self.start, self.more = rules.get("start_state"), rules.get("more")

    def entries(self, text: str) -> list[str]:
        lines = text.removesuffix("\n").split("\n")
        return list(self._joined(lines)) if self.start else lines

    def _joined(self, lines: list[str]) -> Iterator[str]:
        assert self.start
        assert self.more
        current: list[str] = []
        for line in lines:
            if current and self.more.matches(line):
                current.append(line)
                continue
            if current:
                yield "\n".join(current)
            current = [line] if self.start.matches(line) else []
            if not current:
                yield line
        if current:
            yield "\n".join(current)

    def parse(self, entry: str) -> Document | None:
        """Fields of an entry before the script; None where the parser does not read it."""
        if self._entry is None:
            found: Document = json.loads(entry)
            del found["timestamp"]
            return found | {"query_id_text": str(found["query_id"])}
        groups = self._entry.groups(entry)
        return self._typed(groups) if groups else None

    def _typed(self, groups: dict[str, str]) -> Document:
        types = dict(pair.split(":") for pair in self.parser["types"].split())
        fields = groups.items() - {("time", groups["time"])}
        return {name: int(text) if types.get(name) == "integer" else text for name, text in fields}

    def documents(self, text: str) -> list[Document]:
        """Every entry of a log after the script, in order."""
        entries = self.entries(text)
        return [
            self.script.normalize(self.name, self.parse(entry) or {"log": entry})
            for entry in entries
        ]


def _named(parsers: list[Document], name: str) -> Document:
    return next((parser for parser in parsers if parser["name"] == name), {})
