"""Reads the content of a changeset from its node: changes, checksums, preconditions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

from . import schema, writes
from .findings import Finding, error, warning
from .nodes import NAMESPACE, Node, ValueKind, attributes_of
from .statements import Change, ChangeSetContent

_OF_SQL = ("dbms", "endDelimiter", "splitStatements", "stripComments")
_ATTRIBUTES = {
    "sql": ("sql", *_OF_SQL),
    "sqlFile": ("path", "encoding", "relativeToChangelogFile", *_OF_SQL),
}
#: Attributes of the changes that are read for their SQL, by their names in lower case.
_CANONICAL = {
    change: {name.lower(): name for name in names} for change, names in _ATTRIBUTES.items()
}
#: Attributes of the other changes under which they may find nothing to do.
_CONDITIONS = {name.lower(): name for name in writes.CONDITIONS}
_NAME = re.compile(r"[A-Za-z]\w*")


def read(node: Node, is_yaml: bool, modified: bool) -> tuple[ChangeSetContent, tuple[Finding, ...]]:
    """Return the content of a changeset, and the findings about it.

    `modified`: the changelog modifies its changesets in a way that the reader does not apply.
    """
    parts = list(_parts(node))
    content = ChangeSetContent(
        tuple(_change(part) for part in parts if _is_change(part)),
        tuple(_checksums(parts)),
        modified or any(part.name == "modifySql" for part in parts),
        tuple(_precondition_failures(parts)),
        _fingerprint(parts),
    )
    return content, (*_dates(node), *_unknown_changes(parts, is_yaml))


def _dates(node: Node) -> Iterator[Finding]:
    """Warn of an id or author that YAML reads as a date."""
    for child in node.children:
        if child.kind is ValueKind.TIMESTAMP and child.name.lower() in {"id", "author"}:
            yield warning(
                f"YAML reads the {child.name} of a changeset as a date: {child.value}.",
                "Quote it: its text depends on the JVM's time zone and on the version.",
                child.line,
            )


def _parts(node: Node) -> Iterator[Node]:
    """Yield the parts of a changeset, with the entries of `changes` in its place."""
    for child in node.children:
        if child.name == "changes":
            yield from _parts(child)
        else:
            yield child


def _is_change(part: Node) -> bool:
    if part.name in schema.CHANGES:
        return True
    return bool(part.children) and part.name not in schema.CHANGESET_PARTS


def _fingerprint(parts: Iterable[Node]) -> str:
    """Return a digest of the changes that white space and the order of attributes leave as it is.

    It shows that changes were edited, also those whose checksum only Liquibase can compute.
    """
    changes = [_digested(part) for part in parts if _is_change(part) or part.name == "modifySql"]
    return hashlib.md5(repr(changes).encode(), usedforsecurity=False).hexdigest()


def _digested(node: Node) -> tuple[object, ...]:
    leaves = sorted(_digested(child) for child in node.children if not child.children)
    branches = [_digested(child) for child in node.children if child.children]
    return (node.name, " ".join((node.value or "").split()), *node.items, *leaves, *branches)


def _change(part: Node) -> Change:
    if part.name not in _CANONICAL:
        return Change(part.name, attributes_of(part, _CONDITIONS))
    attributes = attributes_of(part, _CANONICAL[part.name])
    if part.name == "sql" and part.value is not None:
        attributes["sql"] = part.value
    return Change(part.name, attributes)


def _unknown_changes(parts: Iterable[Node], is_yaml: bool) -> Iterator[Finding]:
    """Report changes that only an extension could provide; the XML schema has Liquibase's own."""
    for part in parts:
        foreign = is_yaml or part.namespace != NAMESPACE
        if foreign and _is_change(part) and part.name not in schema.CHANGES:
            # An extension's change has a name like Liquibase's own; anything else is a mistake.
            make = warning if _NAME.fullmatch(part.name) else error
            yield make(
                f"{part.name!r} is not a change of Liquibase.",
                "Correct the name, unless an extension of Liquibase provides this change.",
                part.line,
            )


def _checksums(parts: Iterable[Node]) -> Iterator[str]:
    for part in parts:
        if part.name in {"validCheckSum", "validCheckSums"} and part.value is not None:
            yield from part.items or (part.value,)


def _precondition_failures(parts: Iterable[Node]) -> Iterator[str]:
    for part in parts:
        if part.name == "preConditions":
            yield from (text for name in ("onFail", "onError") if (text := part.text(name)))
