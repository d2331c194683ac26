"""What a changeset consists of, read from its node: changes, checksums, preconditions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from . import vocabulary
from .model import Finding, error, warning
from .nodes import NAMESPACE, Node, attributes_of
from .scalars import Kind
from .statements import Change, Content

#: Attributes of the changes whose SQL is known, by their lower case.
_CANONICAL = {
    "sql": {"sql": "sql", "dbms": "dbms"},
    "sqlFile": {
        name.lower(): name for name in ("path", "dbms", "encoding", "relativeToChangelogFile")
    },
}
_NAME = re.compile(r"[A-Za-z]\w*")


def read(node: Node, is_yaml: bool, modified: bool) -> tuple[Content, tuple[Finding, ...]]:
    """Return the content of a changeset, and what is wrong or uncertain about it.

    `modified` says that the changelog changes its changesets in a way that is not followed.
    """
    parts = list(_parts(node))
    content = Content(
        tuple(_change(part) for part in parts if _is_change(part)),
        tuple(_checksums(parts)),
        modified or any(part.name == "modifySql" for part in parts),
        tuple(_precondition_failures(parts)),
    )
    return content, (*_dates(node), *_unknown_changes(parts, is_yaml))


def _dates(node: Node) -> Iterator[Finding]:
    """Warn of identities that YAML reads as a date."""
    for child in node.children:
        if child.kind is Kind.TIMESTAMP and child.name.lower() in {"id", "author"}:
            yield warning(
                f"YAML reads the {child.name} of a changeset as a date: {child.value}.",
                "Quote it: how it is written depends on the JVM's time zone and on the version.",
                child.line,
            )


def _parts(node: Node) -> Iterator[Node]:
    """Yield what a changeset has, with the entries of `changes` in its place."""
    for child in node.children:
        if child.name == "changes":
            yield from _parts(child)
        else:
            yield child


def _is_change(part: Node) -> bool:
    if part.name in vocabulary.CHANGES:
        return True
    return bool(part.children) and part.name not in vocabulary.CHANGESET_PARTS


def _change(part: Node) -> Change:
    if part.name not in _CANONICAL:
        return Change(part.name, {})
    attributes = attributes_of(part, _CANONICAL[part.name])
    if part.name == "sql" and part.value is not None:
        attributes["sql"] = part.value
    return Change(part.name, attributes)


def _unknown_changes(parts: Iterable[Node], is_yaml: bool) -> Iterator[Finding]:
    """Name the changes that only an extension could bring; XML's schema knows Liquibase's own."""
    for part in parts:
        foreign = is_yaml or part.namespace != NAMESPACE
        if foreign and _is_change(part) and part.name not in vocabulary.CHANGES:
            # An extension's change has a name like Liquibase's own; anything else is a mistake.
            make = warning if _NAME.fullmatch(part.name) else error
            yield make(
                f"{part.name!r} is not a change that Liquibase has.",
                "Correct the name, unless an extension of Liquibase brings this change.",
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
