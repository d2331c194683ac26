"""From the nodes of an XML, YAML or JSON changelog to its statements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from . import vocabulary, xml_schema
from .model import Finding, RefusalError, error, refusal, warning
from .nodes import NAMESPACE, Node
from .preconditions import changelog_findings
from .scalars import Kind
from .statements import (
    Change,
    ChangelogFile,
    ChangeSet,
    Content,
    EarlyProperty,
    Include,
    IncludeAll,
    LogicalPath,
    Property,
    Statement,
)

_TYPES: dict[str, type[Statement]] = {
    "include": Include,
    "includeAll": IncludeAll,
    "property": Property,
    "changeSet": ChangeSet,
}
#: Names as the tables spell them, by their lower case: Liquibase finds attributes in any case.
_CANONICAL = {
    statement: {name.lower(): name for name in (*vocabulary.ATTRIBUTES[statement], "alwaysRun")}
    for statement in _TYPES
}
_NAME = re.compile(r"[A-Za-z]\w*")
_LOGICAL_PATH = "logicalFilePath"
#: Java types that YAML properties are cast to; another type ends Liquibase. YamlChangeLogParser.
_PROPERTY_KINDS = {
    **dict.fromkeys(("name", "context", "labels", "dbms", "file"), Kind.TEXT),
    **dict.fromkeys(("global", "relativeToChangelogFile", "errorIfMissing"), Kind.BOOLEAN),
}


def from_xml(root: Node) -> ChangelogFile:
    """Return the statements of an XML document, with what its schema refuses as findings."""
    statements, findings = _collect(root, is_yaml=False)
    refused = tuple(xml_schema.check(root))
    # What the schema refuses comes first, and may well be why something else was not understood.
    return ChangelogFile(statements, refused or findings, _context(root))


def from_yaml(document: Node | None) -> ChangelogFile:
    """Return the statements of a YAML or JSON document. Raises RefusalError."""
    root = next(document.named(vocabulary.ROOT), None) if document else None
    if root is None:
        raise refusal(
            f"The file has no {vocabulary.ROOT}.",
            f"Start it with {vocabulary.ROOT}, or leave it out of the changelog.",
        )
    if root.kind not in {Kind.LIST, Kind.NULL}:
        raise refusal(
            f"{vocabulary.ROOT} is not a list.",
            "Write its entries as a list, each with a dash: - changeSet:",
            root.line,
        )
    for node in root.named("property"):
        _check_property_kinds(node)
    statements, findings = _collect(root, is_yaml=True)
    early = tuple(_early(each) for each in statements if isinstance(each, Property))
    return ChangelogFile(statements, findings, _context(root), early)


def _early(statement: Property) -> EarlyProperty:
    """Return the property as Liquibase sets it first: by name if it has one, `context` alone counts."""
    hidden = {"contextFilter", "file"} if "name" in statement.attributes else {"contextFilter"}
    attributes = {name: text for name, text in statement.attributes.items() if name not in hidden}
    return EarlyProperty(statement.line, attributes)


def _context(root: Node) -> str | None:
    return root.text("contextFilter") or root.text("context")


def _collect(root: Node, is_yaml: bool) -> tuple[tuple[Statement, ...], tuple[Finding, ...]]:
    statements: list[Statement] = []
    findings: list[Finding] = []
    if (path := root.text(_LOGICAL_PATH)) is not None:
        statements.append(LogicalPath(root.line, {_LOGICAL_PATH: path}))
    modified = any(root.named("removeChangeSetProperty"))
    for node in _flat(root):
        try:
            if node.name in _TYPES:
                statements.append(_statement(node, is_yaml, modified))
            else:
                findings += _other(node)
        except RefusalError as problem:
            findings.append(problem.finding)
    return tuple(statements), tuple(findings)


def _flat(root: Node) -> Iterator[Node]:
    """Yield the children of `root`, those of modifyChangeSets in its place: it moves no changeset."""
    for node in root.children:
        if node.name == "modifyChangeSets":
            yield from node.children
        else:
            yield node


def _other(node: Node) -> Iterable[Finding]:
    if node.name == "preConditions":
        return changelog_findings(node)
    if not node.children or node.name == "removeChangeSetProperty":
        return ()
    summary = f"{node.name} is not something that a changelog can have."
    return (error(summary, "Correct the name; it is case-sensitive.", node.line),)


def _statement(node: Node, is_yaml: bool, modified: bool) -> Statement:
    attributes = _attributes(node)
    if node.name != "changeSet":
        return _TYPES[node.name](node.line, attributes)
    parts = list(_parts(node))
    content = Content(
        tuple(_change(part) for part in parts if _is_change(part)),
        tuple(_checksums(parts)),
        modified or any(part.name == "modifySql" for part in parts),
        tuple(_precondition_failures(parts)),
    )
    findings = (*_dates(node), *_unknown_changes(parts, is_yaml))
    return ChangeSet(node.line, attributes, content, findings)


def _attributes(node: Node) -> dict[str, str]:
    canonical = _CANONICAL[node.name]
    attributes: dict[str, str] = {}
    for child in node.children:
        name = canonical.get(child.name.lower())
        if name is None or child.value is None:
            continue
        if name in attributes:
            node.find(name)
        attributes[name] = child.value
    return attributes


def _dates(node: Node) -> Iterator[Finding]:
    """Warn of identities that YAML reads as a date."""
    for child in node.children:
        if child.kind is Kind.TIMESTAMP and child.name.lower() in {"id", "author"}:
            yield warning(
                f"YAML reads the {child.name} of a changeset as a date: {child.value}.",
                "Quote it: the time zone of Liquibase's JVM and its version decide how it is written.",
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
    if part.name not in {"sql", "sqlFile"}:
        return Change(part.name, {})
    names = ("sql", "path", "dbms", "encoding", "relativeToChangelogFile")
    attributes = {name: text for name in names if (text := part.text(name)) is not None}
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


def _check_property_kinds(node: Node) -> None:
    if not node.children:
        raise refusal("A property has no name.", "Give it a name and a value.", node.line)
    for child in node.children:
        wanted = _PROPERTY_KINDS.get(child.name)
        if wanted and child.kind not in {wanted, Kind.NULL}:
            advice = "Quote it." if wanted is Kind.TEXT else "Write true or false without quotes."
            raise refusal(
                f"YAML reads the property's {child.name} as {child.kind}, not as {wanted}.",
                advice,
                child.line,
            )
