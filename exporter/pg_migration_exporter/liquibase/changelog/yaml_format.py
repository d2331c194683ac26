"""Parser of YAML and JSON changelogs into nodes with line numbers, as SnakeYAML reads YAML 1.1.

The tree is built from the events of libyaml. PyYAML's composer would recurse in C, where a file of
brackets crashes the process, and would keep nodes that are not needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import yaml

from . import schema, snakeyaml_syntax
from .findings import RefusalError, refusal
from .nodes import Node, ValueKind
from .yaml_scalars import resolve

if TYPE_CHECKING:
    from yaml import SafeLoader as _Loader
else:
    # PyYAML may be built without libyaml; it is ten times slower then.
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: How deep collections may nest. SnakeYAML 2.2, LoaderOptions.
_MAX_DEPTH = 50
#: Maximum number of nodes of one file with aliases expanded, so that a small file stays small.
_MAX_NODES = 2_000_000
#: First characters of plain scalars that may not be text.
_TYPED = frozenset("yYnNtTfFoO-+0123456789.~")
_TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
#: Elements whose content affects neither the identity of a changeset nor a computed checksum.
_OPAQUE = (schema.CHANGES | {"rollback"}) - {"sql", "sqlFile"}


def parse(text: str) -> Node | None:
    """Return the document's root, None for an empty one. Raises RefusalError."""
    snakeyaml_syntax.check(text, _Loader)
    try:
        return _Reader(text).document()
    except yaml.YAMLError as problem:
        raise _syntax(problem) from None


def _syntax(problem: yaml.YAMLError) -> RefusalError:
    mark = getattr(problem, "problem_mark", None)
    reason = getattr(problem, "problem", None) or "it has characters that YAML forbids"
    return refusal(
        f"This is not YAML: {reason}.", "Correct the syntax.", mark.line + 1 if mark else None
    )


class _Reader:
    """Reads one document, recursing as deep as SnakeYAML does."""

    def __init__(self, text: str) -> None:
        self._next: Callable[[], Any] = _Loader(text).get_event
        # An alias may refer to the content of any element.
        self._opaque = _OPAQUE if "&" not in text else frozenset()
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._count = 0

    def document(self) -> Node | None:
        """Return the only document's root."""
        root: Node | None = None
        while event := self._next():
            if type(event) is not yaml.DocumentStartEvent:
                continue
            if root is not None:
                line = _line(event)
                raise refusal("The file has more than one YAML document.", "Keep one.", line)
            root = self._value("", self._next(), 0)
        return root

    def _value(self, name: str, event: Any, depth: int) -> Node:
        """Return the value that starts with `event`, as the value of the key `name`."""
        if type(event) is yaml.AliasEvent:
            return self._alias(name, event)
        self._count += 1
        before = self._count
        if event.anchor:
            self._anchors[event.anchor] = None
        if type(event) is yaml.ScalarEvent:
            text, kind = _scalar(event)
            node = Node(name, _line(event), None if kind is ValueKind.NULL else text, kind)
        elif depth >= _MAX_DEPTH:
            advice = f"Liquibase's parser reads {_MAX_DEPTH} levels."
            raise refusal("The collections nest too deep.", advice, _line(event))
        elif type(event) is yaml.MappingStartEvent:
            node = self._mapping(name, event, depth + 1)
        else:
            node = self._sequence(name, event, depth + 1)
        if event.anchor:
            self._anchors[event.anchor] = node, self._count - before + 1
        return node

    def _alias(self, name: str, event: Any) -> Node:
        target = self._anchors.get(event.anchor)
        if target is None:
            summary = f"The YAML alias *{event.anchor} has no value."
            raise refusal(summary, "Correct it.", _line(event))
        node, size = target
        self._count += size
        if self._count > _MAX_NODES:
            raise refusal("The file is too large with its aliases.", "Write less.", _line(event))
        return Node(name, _line(event), node.value, node.kind, node.children, node.items)

    def _mapping(self, name: str, start: Any, depth: int) -> Node:
        """Return a mapping: the last of equal keys, and merged entries that no key overrides."""
        entries: dict[str, Node] = {}
        merged: list[Node] = []
        while type(event := self._next()) is not yaml.MappingEndEvent:
            key = _key(event)
            if key in self._opaque:
                node = self._skipped(key, self._next())
            else:
                node = self._value(key, self._next(), depth)
            if key == "<<":
                merged.extend(node.children)
            else:
                entries.pop(key, None)
                entries[key] = node
        for node in merged:
            entries.setdefault(node.name, node)
        return Node(name, _line(start), None, ValueKind.MAPPING, tuple(entries.values()))

    def _skipped(self, name: str, event: Any) -> Node:
        """Return a value without its content, except for a digest of it if it has any."""
        if type(event) is yaml.ScalarEvent:
            return self._value(name, event, 0)
        content: list[str] = []
        level = 1
        while level:
            inner = self._next()
            kind = type(inner)
            if kind in _STARTS:
                level += 1
                content.append("(")
            elif kind in _ENDS:
                level -= 1
                content.append(")")
            else:
                content.append(inner.value if kind is yaml.ScalarEvent else f"*{inner.anchor}")
        has_content = any(text not in "()" for text in content)
        digest = hashlib.md5("\0".join(content).encode(), usedforsecurity=False).hexdigest()
        inside = (Node("", _line(event), digest),) if has_content else ()
        return Node(name, _line(event), None, ValueKind.MAPPING, inside)

    def _sequence(self, name: str, start: Any, depth: int) -> Node:
        """Return a list as ParsedNode.setValue keeps it: entries of mappings, and other values."""
        entries: list[Node] = []
        others: list[Node] = []
        while type(event := self._next()) is not yaml.SequenceEndEvent:
            element = self._value("", event, depth)
            if element.kind is ValueKind.MAPPING:
                entries.extend(element.children)
            else:
                others.append(element)
        node = Node(name, _line(start), None, ValueKind.LIST, tuple(entries))
        if len(others) > 1:
            node.items = tuple("null" if other.value is None else other.value for other in others)
            node.value = f"[{', '.join(node.items)}]"
        elif others:
            node.value = others[0].value
            node.kind = ValueKind.LIST if entries else others[0].kind
        return node


_STARTS = frozenset({yaml.MappingStartEvent, yaml.SequenceStartEvent})
_ENDS = frozenset({yaml.MappingEndEvent, yaml.SequenceEndEvent})


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1


def _scalar(event: Any) -> tuple[str, ValueKind]:
    text: str = event.value
    if not event.implicit[0]:
        if event.tag and event.tag not in _TEXT_TAGS:
            summary = f"The YAML tag {event.tag} is not known."
            raise refusal(summary, "Remove it.", _line(event))
        return text, ValueKind.TEXT
    if text and text[0] not in _TYPED:
        return text, ValueKind.TEXT
    try:
        return resolve(text)
    except RefusalError as problem:
        finding = problem.finding
        raise refusal(finding.summary, finding.advice, _line(event)) from None


def _key(event: Any) -> str:
    text, kind = _scalar(event) if type(event) is yaml.ScalarEvent else ("", ValueKind.MAPPING)
    if kind is not ValueKind.TEXT:
        summary = f"YAML reads the key {text!r} as {kind}, not as text."
        raise refusal(summary, "Quote it.", _line(event))
    return text
