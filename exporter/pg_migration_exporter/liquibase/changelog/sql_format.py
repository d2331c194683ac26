"""Parser of SQL changelogs: formatted, with a changeset per `--changeset` line, and plain ones."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import java
from . import sql_directives as directive
from .findings import RefusalError, refusal
from .sql_directives import Action
from .statements import (
    RAW,
    Change,
    ChangelogFile,
    ChangelogStatement,
    ChangeSet,
    ChangeSetBody,
    ChangeSetContent,
    LogicalPath,
    Property,
)

_CHANGESET_ATTRIBUTES = directive.AttributeParser(directive.CHANGESET_ATTRIBUTES)
_PROPERTY_ATTRIBUTES = directive.AttributeParser(directive.PROPERTY_ATTRIBUTES)
_LOGICAL_PATH = directive.AttributeParser({"logicalFilePath": r"\S*"})
_FAILURES = directive.AttributeParser(dict.fromkeys(("onFail", "onError"), r"\w+"))
#: An end delimiter that Liquibase does not expand, unlike everything else in a change.
_UNKNOWN = "${end delimiter}"
_COUNT = re.compile(r"[0-9]{1,18}")


def parse(text: str) -> ChangelogFile:
    """Return the statements of the file. Raises RefusalError where Liquibase refuses it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = next((line for line in lines if java.trim(line)), "")
    if directive.HEADER.fullmatch(first):
        statements = _Reader(lines if lines[-1] else lines[:-1]).read()
        return ChangelogFile(tuple(statements), is_sql=True)
    if not text:
        raise refusal("The file is empty.", "Remove it, or write the header and a changeset.")
    content = ChangeSetContent((Change(RAW, {"sql": text}),))
    changeset = ChangeSet(1, {"id": "raw", "author": "includeAll"}, content)
    return ChangelogFile((changeset,), is_sql=True)


class _Reader:
    """Reads formatted SQL line by line, as Liquibase does."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = iter(enumerate(lines, start=1))
        self._changeset: ChangeSet | None = None
        self._sql: list[str] = []
        self._checksums: list[str] = []
        self._failures: list[str] = []
        self._modified = False

    def read(self) -> Iterator[ChangelogStatement]:
        """Yield the statements: a changeset, the properties that follow it, then its body."""
        for number, line in self._lines:
            if not directive.START.match(line) or directive.LINE_SEPARATORS.search(line):
                self._sql.append(line)
            else:
                yield from self._directive(number, line)
        yield from self._body(at_end=True)

    def _directive(self, number: int, line: str) -> Iterator[ChangelogStatement]:
        if directive.PROPERTY.match(line):
            yield _property(number, line)
            return
        if directive.HEADER.fullmatch(line):
            yield LogicalPath(number, _LOGICAL_PATH.parse(line))
        if ignored := directive.IGNORE_LINES.fullmatch(line):
            self._skip(number, ignored[1])
        elif found := directive.CHANGESET.fullmatch(line):
            yield from self._body(at_end=False)
            self._changeset = _changeset(number, line, found)
            yield self._changeset
        else:
            _check_refused(directive.REFUSED, number, line)
            self._directive_in_changeset(number, line)

    def _body(self, at_end: bool) -> Iterator[ChangeSetBody]:
        """Yield the body of the open changeset, and start the next one.

        Without any line of SQL, the body of the last changeset of the file has no change: Liquibase
        gives it the SQL of the one before. Liquibase refuses a change without SQL later.
        """
        if self._changeset is not None:
            text = java.trim("\n".join(self._sql))
            if not text and not at_end:
                raise refusal(
                    f"The changeset {self._changeset.attributes['id']} has no SQL.",
                    "Write its SQL below the line, or remove the line.",
                    self._changeset.line,
                )
            changes = (Change("sql", self._attributes(text, at_end)),) if self._sql else ()
            checksums, failures = tuple(self._checksums), tuple(self._failures)
            content = ChangeSetContent(changes, checksums, self._modified, failures)
            yield ChangeSetBody(self._changeset.line, {}, content)
        self._sql, self._checksums, self._failures, self._modified = [], [], [], False

    def _attributes(self, text: str, at_end: bool) -> dict[str, str]:
        """Return the attributes of the change; of the last one the end delimiter may be a line."""
        assert self._changeset is not None
        given = self._changeset.attributes
        options = {
            name: given[name] for name in ("endDelimiter", "splitStatements") if name in given
        }
        if at_end and text.endswith("\n/"):
            options.setdefault("endDelimiter", "\n/$")
        if "${" in options.get("endDelimiter", ""):
            options["endDelimiter"] = _UNKNOWN
        return {"sql": text, "stripComments": given.get("stripComments", "true"), **options}

    def _skip(self, number: int, what: str) -> None:
        if what == "start":
            for inner, line in self._lines:
                ignored = directive.IGNORE_LINES.fullmatch(line)
                if ignored and ignored[1] == "end":
                    return
                _check_refused(directive.REFUSED_IN_IGNORED, inner, line)
        elif _COUNT.fullmatch(what):
            for _ in range(int(what)):
                if next(self._lines, None) is None:
                    return
        else:
            raise _refused(number, "--ignoreLines:<count|start>")

    def _directive_in_changeset(self, number: int, line: str) -> None:
        if self._changeset is None:
            if directive.COMMENT.fullmatch(line):
                raise _refused(number, "comments below a --changeset line")
            return
        for pattern, action, expected in directive.IN_CHANGESET:
            if found := pattern.fullmatch(line):
                self._apply(action, found, number, expected)
                return
        self._sql.append(line)

    def _apply(self, action: Action, found: re.Match[str], number: int, expected: str) -> None:
        match action:
            case Action.REFUSE:
                raise _refused(number, expected)
            case Action.CHECKSUM:
                self._checksums.append(found["value"])
            case Action.PRECONDITIONS:
                self._failures += _FAILURES.parse(found["value"]).values()
            case Action.PRO:
                self._modified = True
            case Action.ROLLBACK_BLOCK:
                if not any(directive.ROLLBACK_BLOCK_END.fullmatch(line) for _, line in self._lines):
                    raise _refused(number, "*/ at the end of the rollback block")


def _changeset(number: int, line: str, found: re.Match[str]) -> ChangeSet:
    if found.start("id") != found.end("author") + 1:
        raise _refused(number, "--changeset <author>:<id>")
    attributes = _filters(_CHANGESET_ATTRIBUTES.parse(line))
    if not attributes.get("logicalFilePath"):
        attributes.pop("logicalFilePath", None)
    attributes["id"] = directive.unquoted(found["id"])
    attributes["author"] = directive.unquoted(found["author"])
    return ChangeSet(number, attributes)


def _property(number: int, line: str) -> Property:
    return Property(number, _filters(_PROPERTY_ATTRIBUTES.parse(line)))


def _filters(attributes: dict[str, str]) -> dict[str, str]:
    context = attributes.pop("contextFilter", "") or attributes.get("context")
    if context:
        attributes["context"] = directive.unquoted(context)
    if "labels" in attributes:
        attributes["labels"] = directive.unquoted(attributes["labels"])
    return attributes


def _check_refused(table: directive.Refusals, number: int, line: str) -> None:
    for pattern, expected in table:
        if pattern.fullmatch(line):
            raise _refused(number, expected)


def _refused(number: int, expected: str) -> RefusalError:
    return refusal(
        "Liquibase refuses this line of formatted SQL.", f"It expects {expected}.", number
    )
