"""`${name}` expressions: the properties of a changelog, and their expansion.

The first value that was set wins, as in Liquibase: those given from outside, then those of the
database, then global properties in the order of reading; properties local to a file come last, the
latest first. ChangeLogParameters, ExpressionExpander.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from . import java
from .findings import refusal

#: Values that Liquibase sets itself and that hold for every PostgreSQL database.
_DATABASE = {
    "database.typename": "postgresql",
    "database.databaseproductname": "PostgreSQL",
    "database.currentdatetimefunction": "NOW()",
    "database.linecomment": "--",
    "database.supportsinitiallydeferrablecolumns": "true",
    "database.supportssequences": "true",
    "database.supportsschemas": "true",
    "database.supportstablespaces": "true",
}
#: Prefixes of names that have a value in every run, known only there: other properties of the
#: database, and the system properties of Java.
_SET_BY_RUN = (
    *("database.", "java.", "user.", "os.", "file.", "sun.", "jdk.", "liquibase_execution_"),
    *("line.separator", "path.separator", "native.encoding"),
)
#: Environment variables that most runs have; each hides a property of the same name in any case.
_ENVIRONMENT = frozenset(
    {
        *("path", "home", "user", "logname", "lang", "pwd", "shell", "hostname", "term", "tz"),
        *("tmpdir", "mail", "java_home"),
    }
)
_TOKENS = re.compile(r"(\$\{|\})")
_UNRESOLVED = re.compile(r"\$\{\s*([^${}]*?)\s*\}")
_MAX_DEPTH = 32
_MAX_OUTPUT = 1 << 20


class Properties:
    """The properties of one pass, filled while the files are read."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._fixed = _DATABASE | {name.lower(): value for name, value in given.items()}
        self._global: dict[str, str | None] = {}
        self._local: dict[tuple[str, str], str | None] = {}

    def set(self, name: str, value: str | None, file: str | None) -> None:
        """Set a property: a global one, or one local to changelogs of the logical path `file`."""
        if file is None:
            self._global.setdefault(name.lower(), value)
        else:
            self._local[file, name.lower()] = value

    def is_hidden(self, name: str) -> bool:
        """Return whether an environment variable, not given here, usually hides the property."""
        return name.lower() in _ENVIRONMENT - self._fixed.keys()

    def expand(self, text: str, files: Iterable[str]) -> str:
        """Return `text` with every expression that has a value replaced; `files` as for `set`.

        Raises RefusalError for properties that contain themselves or grow without bound.
        """
        if "${" not in text:
            return text
        return _Expansion(lambda name: self._find(name, files)).expand(text)

    def _find(self, name: str, files: Iterable[str]) -> str | None:
        key = name.lower()
        if key in self._fixed:
            return self._fixed[key]
        if key in self._global:
            return self._global[key]
        local = (self._local[file, key] for file in files if (file, key) in self._local)
        return next(local, None)


class _Expansion:
    """One expansion, bounded in depth and in the size of its output."""

    def __init__(self, find: Callable[[str], str | None]) -> None:
        self._find = find
        self._depth = 0
        self._produced = 0

    def expand(self, text: str) -> str:
        # One list of texts for each open expression, and one for the text around them.
        texts: list[list[str]] = [[]]
        for part in _TOKENS.split(text):
            if part == "${":
                texts.append([])
            elif part == "}" and len(texts) > 1:
                inner = "".join(texts.pop())
                texts[-1].append(self._value(inner))
            else:
                texts[-1].append(part)
        while len(texts) > 1:
            inner = "".join(texts.pop())
            texts[-1].append("${" + inner)
        return "".join(texts[0])

    def _value(self, inner: str) -> str:
        if inner.startswith("${"):
            return inner
        value = self._find(java.trim(inner))
        if value is None:
            return f"${{{inner}}}"
        self._depth += 1
        self._produced += 1 + len(value)
        if self._depth > _MAX_DEPTH or self._produced > _MAX_OUTPUT:
            raise refusal(
                f"The property {inner!r} contains itself, or grows without bound.",
                "Remove the circular reference: Liquibase overflows its stack there.",
            )
        expanded = self.expand(value) if "${" in value else value
        self._depth -= 1
        return expanded


def is_set_by_run(name: str) -> bool:
    """Return whether every run of Liquibase has a value for `name` that no file defines."""
    return name.lower().startswith(_SET_BY_RUN)


def unresolved(texts: Iterable[str | None]) -> Iterator[str]:
    """Yield the names of the expressions that remain in `texts`."""
    for text in texts:
        if text and "${" in text:
            yield from _UNRESOLVED.findall(text)
