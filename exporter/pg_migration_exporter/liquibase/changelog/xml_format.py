"""Parser of XML changelogs into nodes, without DTDs, entities or external references."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler, feature_namespaces
from xml.sax.xmlreader import AttributesNSImpl, Locator

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import create_parser

from . import java
from .findings import refusal
from .nodes import NAMESPACE, Node, ValueKind

_MAX_DEPTH = 100
_DECLARATION = re.compile(rb"""<\?xml[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")


def declared_encoding(data: bytes) -> str | None:
    """Return the encoding that the XML declaration names."""
    found = _DECLARATION.match(data[:200])
    return found[1].decode("ascii") if found else None


def parse(text: str) -> Node:
    """Return the document's root element. Raises RefusalError."""
    parser: Any = create_parser(forbid_dtd=True)
    builder = _Builder(parser)
    parser.setFeature(feature_namespaces, True)
    parser.setContentHandler(builder)
    try:
        parser.feed(text)
        parser.close()
    except DefusedXmlException:
        raise refusal(
            "The file declares a document type, which is not read: it could include other files.",
            "Remove the DOCTYPE; Liquibase needs none.",
            builder.line,
        ) from None
    except SAXParseException as problem:
        raise refusal(
            f"This is not XML: {problem.getMessage()}.",
            "Correct the syntax.",
            problem.getLineNumber(),
        ) from None
    assert builder.root is not None
    return builder.root


@dataclass(slots=True)
class _OpenElement:
    """An element whose end has not been read."""

    node: Node
    children: list[Node]
    text: list[str] = field(default_factory=list)


class _Builder(ContentHandler):
    """Builds the tree; the text of an element is trimmed."""

    def __init__(self, locator: Locator) -> None:
        super().__init__()
        self.root: Node | None = None
        self._locator = locator
        self._open: list[_OpenElement] = []

    @property
    def line(self) -> int:
        """The line that is being read."""
        return self._locator.getLineNumber() or 1

    def startElementNS(  # noqa: N802 - the SAX interface
        self,
        name: tuple[str | None, str],
        qname: str | None,  # noqa: ARG002
        attrs: AttributesNSImpl,
    ) -> None:
        line = self.line
        if len(self._open) >= _MAX_DEPTH:
            raise refusal("The elements nest too deep.", "Flatten them.", line)
        children = [
            Node(
                local,
                line,
                value,
                ValueKind.TEXT,
                namespace=uri or NAMESPACE,
                is_attribute=True,
            )
            for (uri, local), value in attrs.items()
        ]
        uri, local_name = name
        node = Node(local_name, line, namespace=uri or "")
        self._open.append(_OpenElement(node, children))

    def characters(self, content: str) -> None:
        self._open[-1].text.append(content)

    def endElementNS(self, name: tuple[str | None, str], qname: str | None) -> None:  # noqa: N802, ARG002
        element = self._open.pop()
        node = element.node
        node.children = tuple(element.children)
        if trimmed := java.trim("".join(element.text)):
            node.value, node.kind = trimmed, ValueKind.TEXT
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
