"""`${name}` expressions: where their values come from, and what replaces them.

The first value that was set wins, as in Liquibase: what is given from outside, then the database's
own, then global properties in the order of reading; properties local to a file come last, the
latest first. ChangeLogParameters, ExpressionExpander.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from . import java
from .model import refusal

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
#: Names that have a value in every run, which only the run knows: the rest of the database's, and
#: the system properties of Java.
_OUTSIDE = (
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
_LEFT = re.compile(r"\$\{\s*([^${}]*?)\s*\}")
_DEEPEST = 32
_MOST = 1 << 20


class Properties:
    """The properties of one reading, filled while the files are read."""

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
        """Tell whether an environment variable, not given here, usually hides the property."""
        return name.lower() in _ENVIRONMENT - self._fixed.keys()

    def expand(self, text: str, files: Iterable[str]) -> str:
        """Return `text` with every expression replaced that has a value; `files` as for `set`.

        Raises RefusalError for properties that contain themselves or grow out of hand.
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
    """One expansion, bounded in depth and in how much it produces."""

    def __init__(self, find: Callable[[str], str | None]) -> None:
        self._find = find
        self._depth = 0
        self._produced = 0

    def expand(self, text: str) -> str:
        # One list of texts for each expression that is open, and one for what is around them.
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
        if self._depth > _DEEPEST or self._produced > _MOST:
            raise refusal(
                f"The property {inner!r} contains itself, or grows without bound.",
                "Break the circle: Liquibase runs out of stack there.",
            )
        expanded = self.expand(value) if "${" in value else value
        self._depth -= 1
        return expanded


def is_outside(name: str) -> bool:
    """Tell whether `name` has a value in every run of Liquibase that the files do not show."""
    return name.lower().startswith(_OUTSIDE)


def unresolved(texts: Iterable[str | None]) -> Iterator[str]:
    """Yield the names of the expressions that are left in `texts`."""
    for text in texts:
        if text and "${" in text:
            yield from _LEFT.findall(text)
