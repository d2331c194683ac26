"""The tree that XML, YAML and JSON changelogs are parsed into: names, values, children.

Liquibase's ParsedNode: XML attributes and elements, and YAML keys, are all children.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from .findings import refusal

#: The namespace of Liquibase's own elements; YAML has none but means these.
NAMESPACE = "http://www.liquibase.org/xml/ns/dbchangelog"


class ValueKind(StrEnum):
    """The Java type of a value, as far as Liquibase distinguishes them."""

    TEXT = "text"
    BOOLEAN = "boolean"
    NUMBER = "number"
    #: Rendered in the JVM's time zone, and differently before Liquibase 4.27.
    TIMESTAMP = "timestamp"
    NULL = "null"
    LIST = "list"
    MAPPING = "mapping"


@dataclass(slots=True)
class Node:
    """One named value: of XML an element or attribute, of YAML a key."""

    name: str
    line: int
    value: str | None = None
    kind: ValueKind = ValueKind.NULL
    #: Attributes and elements, or the entries of a mapping and of the mappings in a list.
    children: tuple[Node, ...] = ()
    #: The scalars of a YAML list, where there are several; `value` then has them in brackets.
    items: tuple[str, ...] = ()
    namespace: str = NAMESPACE
    is_attribute: bool = False

    def find(self, name: str) -> Node | None:
        """Return the child named `name`, in any case; Liquibase refuses two of them."""
        lowered = name.lower()
        found = [child for child in self.children if child.name.lower() == lowered]
        if len(found) > 1:
            raise refusal(
                f"{self.name} has {name} twice.", "Keep one; case does not matter.", found[1].line
            )
        return found[0] if found else None

    def named(self, *names: str) -> Iterator[Node]:
        """Yield the children with one of these exact names."""
        return (child for child in self.children if child.name in names)

    def text(self, name: str) -> str | None:
        """Return the value of the child named `name`."""
        found = self.find(name)
        return found.value if found else None


def attributes_of(node: Node, canonical: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the children listed in `canonical`, by their canonical names.

    `canonical` maps lower-case names to canonical ones. Two children of one name are refused.
    """
    attributes: dict[str, str] = {}
    for child in node.children:
        name = canonical.get(child.name.lower())
        if name is None or child.value is None:
            continue
        if name in attributes:
            node.find(name)
        attributes[name] = child.value
    return attributes
