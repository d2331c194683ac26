"""YAML and JSON changelogs as nodes: SnakeYAML's reading of YAML 1.1, with line numbers.

libyaml's events are folded here, not composed by PyYAML: its composer recurses in C, and a file of
brackets would end the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from .model import RefusalError, refusal
from .nodes import Node
from .scalars import Kind, resolve
from .yaml_dialect import Dialect

if TYPE_CHECKING:
    from yaml import SafeLoader as _Loader
else:
    # PyYAML may be built without libyaml; it is ten times slower then.
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: How deep collections may nest. SnakeYAML 2.2, LoaderOptions.
_DEEPEST = 50
#: Nodes of one file with its aliases written out, so that a small file cannot grow without bound.
_MOST_NODES = 2_000_000
#: A plain scalar that starts with another character is text.
_TYPED = frozenset("yYnNtTfFoO-+0123456789.~")
_TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})


def parse(text: str) -> Node | None:
    """Return the document's root, None for an empty one. Raises RefusalError."""
    folder, dialect = _Folder(), Dialect(text)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            folder.take(event)
            if dialect.matters and type(event) is yaml.ScalarEvent:
                dialect.scalar(event)
    except yaml.YAMLError as problem:
        raise _syntax(problem) from None
    dialect.finish()
    return folder.root


def _syntax(problem: yaml.YAMLError) -> RefusalError:
    mark = getattr(problem, "problem_mark", None)
    said = getattr(problem, "problem", None) or "it has characters that YAML forbids"
    return refusal(
        f"This is not YAML: {said}.", "Correct the syntax.", mark.line + 1 if mark else None
    )


class _Collection:
    """A mapping or sequence that is still open, and what it has gathered."""

    __slots__ = ("anchor", "children", "is_mapping", "key", "line", "merged", "scalars", "size")

    def __init__(self, event: Any, is_mapping: bool) -> None:
        self.is_mapping = is_mapping
        self.anchor: str | None = event.anchor
        self.line: int = event.start_mark.line + 1
        self.size = 1
        self.key: str | None = None
        self.children: list[Node] = []
        self.merged: list[Node] = []
        self.scalars: list[Node] = []

    def add(self, value: Node) -> None:
        """Take the value of the open key, or the next element."""
        if not self.is_mapping:
            if value.kind is Kind.MAPPING:
                self.children.extend(value.children)
            else:
                self.scalars.append(value)
            return
        assert self.key is not None
        if self.key == "<<":
            self.merged.extend(value.children)
        else:
            value.name = self.key
            self.children.append(value)
        self.key = None

    def close(self) -> Node:
        """Return the finished value, as ParsedNode.setValue keeps it."""
        children = self._distinct() if self.is_mapping else self.children
        kind = Kind.MAPPING if self.is_mapping else Kind.LIST
        node = Node("", self.line, None, kind, tuple(children))
        if self.scalars:
            printed = ["null" if each.value is None else each.value for each in self.scalars]
            if len(printed) > 1:
                node.value, node.items = f"[{', '.join(printed)}]", tuple(printed)
            else:
                node.value = self.scalars[0].value
                node.kind = Kind.LIST if children else self.scalars[0].kind
        return node

    def _distinct(self) -> list[Node]:
        """Return the entries: the last of equal keys, and merged ones where nothing overrides them."""
        if not self.merged and len({child.name for child in self.children}) == len(self.children):
            return self.children
        entries = {child.name: child for child in reversed(self.merged)}
        for child in self.children:
            entries.pop(child.name, None)
            entries[child.name] = child
        return list(entries.values())


class _Folder:
    """Folds parser events into one tree."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[_Collection] = []
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._take = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: lambda event: self._start(_Collection(event, True)),
            yaml.SequenceStartEvent: lambda event: self._start(_Collection(event, False)),
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.DocumentStartEvent: self._document,
        }

    def take(self, event: Any) -> None:
        """Take the next event."""
        if handler := self._take.get(type(event)):
            handler(event)

    def _document(self, event: Any) -> None:
        if self.root is not None:
            line = event.start_mark.line + 1
            raise refusal("The file has more than one YAML document.", "Keep one.", line)

    def _scalar(self, event: Any) -> None:
        text, kind, line = event.value, Kind.TEXT, event.start_mark.line + 1
        if event.implicit[0] and (not text or text[0] in _TYPED):
            text, kind = _typed(text, line)
        elif event.tag and event.tag not in _TEXT_TAGS:
            raise refusal(f"The YAML tag {event.tag} is not known.", "Remove it.", line)
        top = self._open[-1] if self._open else None
        if top and top.is_mapping and top.key is None:
            top.key = _key(text, kind, line)
        else:
            self._value(Node("", line, None if kind is Kind.NULL else text, kind), 1, event.anchor)

    def _alias(self, event: Any) -> None:
        line = event.start_mark.line + 1
        target = self._anchors.get(event.anchor)
        if target is None:
            raise refusal(f"The YAML alias *{event.anchor} has no value.", "Correct it.", line)
        node, size = target
        copy = Node("", line, node.value, node.kind, node.children, node.items)
        self._value(copy, size, None)

    def _start(self, collection: _Collection) -> None:
        top = self._open[-1] if self._open else None
        if top and top.is_mapping and top.key is None:
            raise refusal("A YAML key must be text.", "Write a plain key.", collection.line)
        if len(self._open) >= _DEEPEST:
            advice = f"SnakeYAML reads {_DEEPEST} levels."
            raise refusal("The collections nest too deep.", advice, collection.line)
        if collection.anchor:
            self._anchors[collection.anchor] = None
        self._open.append(collection)

    def _end(self, event: Any) -> None:
        closed = self._open.pop()
        self._value(closed.close(), closed.size, closed.anchor)

    def _value(self, node: Node, size: int, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = (node, size)
        if not self._open:
            self.root = node
            return
        top = self._open[-1]
        top.size += size
        if top.size > _MOST_NODES:
            raise refusal("The file is too large with its aliases.", "Split it.", node.line)
        if top.is_mapping and top.key is None:
            raise refusal("A YAML key must be text.", "Write a plain key.", node.line)
        top.add(node)


def _typed(text: str, line: int) -> tuple[str, Kind]:
    try:
        return resolve(text)
    except RefusalError as problem:
        finding = problem.finding
        raise refusal(finding.summary, finding.advice, line) from None


def _key(text: str, kind: Kind, line: int) -> str:
    if kind is not Kind.TEXT:
        raise refusal(f"YAML reads the key {text!r} as a {kind}.", "Quote it.", line)
    return text
