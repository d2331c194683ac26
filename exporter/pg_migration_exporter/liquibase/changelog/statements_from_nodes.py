"""Converts the nodes of an XML, YAML or JSON changelog to its statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from . import changeset_content, schema, xml_validation
from .findings import Finding, RefusalError, error, refusal
from .nodes import Node, ValueKind, attributes_of
from .preconditions import changelog_findings
from .statements import (
    ChangelogFile,
    ChangelogStatement,
    ChangeSet,
    EarlyProperty,
    Include,
    IncludeAll,
    LogicalPath,
    Property,
)

_TYPES: dict[str, type[ChangelogStatement]] = {
    "include": Include,
    "includeAll": IncludeAll,
    "property": Property,
    "changeSet": ChangeSet,
}
#: Canonical names of attributes by their lower case: Liquibase ignores case.
_CANONICAL = {
    name: {attribute.lower(): attribute for attribute in attributes}
    for name, attributes in {
        **{statement: schema.ATTRIBUTES[statement] for statement in _TYPES},
        "changeSet": schema.ATTRIBUTES["changeSet"] | {"alwaysRun"},
    }.items()
}
_LOGICAL_PATH = "logicalFilePath"
#: Java types that YAML properties are cast to; another type is an error. YamlChangeLogParser.
_ANY_PROPERTY = {
    **dict.fromkeys(("context", "labels", "dbms"), ValueKind.TEXT),
    "global": ValueKind.BOOLEAN,
}
_PROPERTY_KINDS = {
    True: _ANY_PROPERTY | {"name": ValueKind.TEXT},
    False: _ANY_PROPERTY
    | {
        "file": ValueKind.TEXT,
        "relativeToChangelogFile": ValueKind.BOOLEAN,
        "errorIfMissing": ValueKind.BOOLEAN,
    },
}


def from_xml(root: Node) -> ChangelogFile:
    """Return the statements of an XML document, or findings where its schema refuses it."""
    if refused := tuple(xml_validation.check(root)):
        return ChangelogFile(findings=refused)
    statements, findings = _collect(root, is_yaml=False)
    return ChangelogFile(statements, findings, _context(root))


def from_yaml(document: Node | None) -> ChangelogFile:
    """Return the statements of a YAML or JSON document. Raises RefusalError."""
    root = next(document.named(schema.ROOT), None) if document else None
    if root is None:
        raise refusal(
            f"The file has no {schema.ROOT}.",
            f"Start it with {schema.ROOT}, or leave it out of the changelog.",
        )
    if root.kind not in {ValueKind.LIST, ValueKind.NULL}:
        raise refusal(
            f"{schema.ROOT} is not a list.",
            "Write its entries as a list, each with a dash: - changeSet:",
            root.line,
        )
    for node in root.named("property"):
        _check_property_kinds(node)
    statements, findings = _collect(root, is_yaml=True)
    early = tuple(
        _early_property(statement) for statement in statements if isinstance(statement, Property)
    )
    return ChangelogFile(statements, findings, _context(root), early)


def _early_property(statement: Property) -> EarlyProperty:
    """Return the property as Liquibase sets it first: by name if it has one, under `context`."""
    hidden = {"contextFilter", "file"} if "name" in statement.attributes else {"contextFilter"}
    attributes = {name: text for name, text in statement.attributes.items() if name not in hidden}
    return EarlyProperty(statement.line, attributes)


def _context(root: Node) -> str | None:
    return root.text("contextFilter") or root.text("context")


def _collect(
    root: Node, is_yaml: bool
) -> tuple[tuple[ChangelogStatement, ...], tuple[Finding, ...]]:
    statements: list[ChangelogStatement] = []
    findings: list[Finding] = []
    if (path := root.text(_LOGICAL_PATH)) is not None:
        statements.append(LogicalPath(root.line, {_LOGICAL_PATH: path}))
    modified = any(root.named("removeChangeSetProperty"))
    for node in _flattened(root):
        try:
            if node.name in _TYPES:
                statements.append(_statement(node, is_yaml, modified))
            else:
                findings += _unknown_node(node)
        except RefusalError as problem:
            findings.append(problem.finding)
    return tuple(statements), tuple(findings)


def _flattened(root: Node) -> Iterator[Node]:
    """Yield the children of `root`, those of modifyChangeSets in its place."""
    for node in root.children:
        if node.name == "modifyChangeSets":
            yield from node.children
        else:
            yield node


def _unknown_node(node: Node) -> Iterable[Finding]:
    if node.name == "preConditions":
        return changelog_findings(node)
    if not node.children or node.name == "removeChangeSetProperty":
        return ()
    summary = f"{node.name} is not an element of a changelog."
    return (error(summary, "Correct the name; it is case-sensitive.", node.line),)


def _statement(node: Node, is_yaml: bool, modified: bool) -> ChangelogStatement:
    attributes = attributes_of(node, _CANONICAL[node.name])
    if node.name != "changeSet":
        return _TYPES[node.name](node.line, attributes)
    return ChangeSet(node.line, attributes, *changeset_content.read(node, is_yaml, modified))


def _check_property_kinds(node: Node) -> None:
    if not node.children:
        raise refusal("A property has no name.", "Give it a name and a value.", node.line)
    has_name = any(node.named("name"))
    for child in node.children:
        wanted = _PROPERTY_KINDS[has_name].get(child.name)
        if wanted and child.kind not in {wanted, ValueKind.NULL}:
            advice = (
                "Quote it." if wanted is ValueKind.TEXT else "Write true or false without quotes."
            )
            raise refusal(
                f"YAML reads the property's {child.name} as {child.kind}, not as {wanted}.",
                advice,
                child.line,
            )
