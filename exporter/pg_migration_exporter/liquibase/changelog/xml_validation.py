"""Checks XML changelogs against Liquibase's schema, as far as changesets depend on it.

Not a full validator: it checks the elements that define changesets, and the names of changes; the
content of a change is checked by Liquibase only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import java, schema
from .findings import Finding, error
from .nodes import NAMESPACE, Node

_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
#: Liquibase ships its schemas and never downloads one.
_SCHEMA = re.compile(
    r"https?://www\.liquibase\.org/xml/ns/(?:dbchangelog|migrator)/"
    r"dbchangelog-(?:latest|[1-9]\d*\.\d+)\.xsd",
    re.IGNORECASE,
)
_BOOLEAN = re.compile(r"true|false|1|0|\$\{[\w.]+\}")
_FAILURES = frozenset({"HALT", "WARN", "CONTINUE", "MARK_RAN"})
_VALUES = {
    "onFail": _FAILURES,
    "onError": _FAILURES,
    "global": frozenset({"true", "false", "1", "0"}),
}
_ADVICE = "Correct it: Liquibase validates XML changelogs against its schema and refuses the file."


def check(root: Node) -> Iterator[Finding]:
    """Yield an error for each violation of the schema."""
    if root.name != schema.ROOT or root.namespace != NAMESPACE:
        yield _refused(f"The root element is {root.name}, not {schema.ROOT} of {NAMESPACE}.", root)
        return
    if not _names_schema(root):
        summary = f"xsi:schemaLocation does not name a schema of Liquibase for {NAMESPACE}."
        yield _refused(summary, root)
    yield from _element(root)
    for child in _elements(root):
        yield from _element(child)
        for inner in _elements(child):
            if child.name == "modifyChangeSets" or inner.name == "preConditions":
                yield from _element(inner)


def _names_schema(root: Node) -> bool:
    located = [child for child in root.named("schemaLocation") if child.namespace == _INSTANCE]
    words = (located[0].value or "").split() if located else []
    locations = dict(zip(words[::2], words[1::2], strict=False))
    return _SCHEMA.fullmatch(locations.get(NAMESPACE, "")) is not None


def _elements(node: Node) -> Iterator[Node]:
    return (child for child in node.children if not child.is_attribute)


def _element(node: Node) -> Iterator[Finding]:
    allowed = schema.ATTRIBUTES.get(node.name)
    if allowed is not None and node.value is not None:
        yield _refused(f"{node.name} must not have text.", node)
    for attribute in node.children:
        if attribute.is_attribute and attribute.namespace == NAMESPACE:
            if allowed is not None and attribute.name not in allowed:
                yield _refused(f"{node.name} has no attribute {attribute.name}.", attribute)
            yield from _value(node, attribute)
    given = {child.name for child in node.children if child.is_attribute}
    for name in sorted(schema.REQUIRED.get(node.name, frozenset()) - given):
        yield _refused(f"{node.name} lacks the attribute {name}.", node)
    if node.name in schema.RANKS:
        yield from _order(node)


def _value(node: Node, attribute: Node) -> Iterator[Finding]:
    text = java.trim(attribute.value or "")
    is_boolean = attribute.name in schema.BOOLEANS or (
        attribute.name == "ignore" and node.name == "changeSet"
    )
    valid = _VALUES.get(attribute.name)
    if (is_boolean and not _BOOLEAN.fullmatch(text)) or (valid and text not in valid):
        yield _refused(f"{attribute.name}={text!r} is not an allowed value.", attribute)


def _order(node: Node) -> Iterator[Finding]:
    ranks = schema.RANKS[node.name]
    highest = 0
    for child in _elements(node):
        # Changes of extensions have the same place as Liquibase's own.
        rank = ranks.get(child.name if child.namespace == NAMESPACE else "sql")
        if rank is None:
            yield _refused(f"{child.name} is not allowed in {node.name}.", child)
        elif rank < highest:
            yield _refused(f"{child.name} comes too late in {node.name}.", child)
        else:
            highest = rank


def _refused(summary: str, node: Node) -> Finding:
    return error(summary, _ADVICE, node.line)
