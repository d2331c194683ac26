"""What a changelog file says, in order, with `${property}` expressions as they are written.

All four formats are read into these statements, which depend on nothing but the file's bytes and
can be kept as long as the file does not change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from . import java
from .model import Finding

Attributes = Mapping[str, str]

#: The kind of the change that a script without a header becomes.
RAW = "raw"


@dataclass(frozen=True, slots=True)
class ChangelogStatement:
    """One statement: the line it starts at and its attributes by their canonical names."""

    line: int
    attributes: Attributes

    def get(self, *names: str) -> str | None:
        """Return the first of the named attributes that has a value other than blanks."""
        for name in names:
            value = self.attributes.get(name)
            if value is not None and java.trim(value):
                return value
        return None

    def map(self, function: Callable[[str], str]) -> Self:
        """Return the same statement with `function` applied to every text."""
        attributes = _map(self.attributes, function)
        return self if attributes is self.attributes else replace(self, attributes=attributes)


@dataclass(frozen=True, slots=True)
class LogicalPath(ChangelogStatement):
    """`logicalFilePath` of a changelog: the path of changesets that have none of their own."""


@dataclass(frozen=True, slots=True)
class Property(ChangelogStatement):
    """`property`: a value for `${name}`, or a file of them."""


@dataclass(frozen=True, slots=True)
class EarlyProperty(ChangelogStatement):
    """A property of YAML or JSON, as it is set before anything else in the file: unexpanded."""


@dataclass(frozen=True, slots=True)
class Include(ChangelogStatement):
    """`include`: another changelog file."""


@dataclass(frozen=True, slots=True)
class IncludeAll(ChangelogStatement):
    """`includeAll`: the changelog files of a directory."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a changeset; its texts matter only for `sql` and `sqlFile`."""

    kind: str
    attributes: Attributes

    def map(self, function: Callable[[str], str]) -> Self:
        """Return the same change with `function` applied to its texts; a raw script has none."""
        attributes = self.attributes if self.kind == RAW else _map(self.attributes, function)
        return self if attributes is self.attributes else replace(self, attributes=attributes)


@dataclass(frozen=True, slots=True)
class Content:
    """What a changeset consists of, beside its attributes."""

    changes: tuple[Change, ...] = ()
    valid_checksums: tuple[str, ...] = ()
    #: It has `modifySql`, or the like, that the checksum takes in and the reader does not follow.
    modified: bool = False
    #: What `onFail` and `onError` of its preconditions say, where they are given.
    precondition_failures: tuple[str, ...] = ()

    def map(self, function: Callable[[str], str]) -> Self:
        """Return the same content with `function` applied to every text of its changes."""
        changes = tuple([change.map(function) for change in self.changes])
        return self if changes == self.changes else replace(self, changes=changes)


@dataclass(frozen=True, slots=True)
class ChangeSet(ChangelogStatement):
    """`changeSet`; in formatted SQL a `Body` with the content may follow."""

    content: Content | None = None
    #: Problems that count once the changeset is loaded, that is unless `dbms` excludes it.
    findings: tuple[Finding, ...] = ()

    def map(self, function: Callable[[str], str]) -> Self:
        """Return the same changeset with `function` applied to its attributes and its content."""
        attributes = _map(self.attributes, function)
        content = self.content and self.content.map(function)
        if attributes is self.attributes and content is self.content:
            return self
        return replace(self, attributes=attributes, content=content)


@dataclass(frozen=True, slots=True)
class Body(ChangelogStatement):
    """The content of the formatted changeset before it: expanded where the next one begins.

    Without changes it leaves the changeset with those of the one before.
    """

    content: Content = Content()

    def map(self, function: Callable[[str], str]) -> Self:
        """Return the same body with `function` applied to its SQL."""
        content = self.content.map(function)
        return self if content is self.content else replace(self, content=content)


@dataclass(frozen=True, slots=True)
class ChangelogFile:
    """Everything one file says."""

    statements: tuple[ChangelogStatement, ...] = ()
    #: Problems of the file as a whole, or of statements that could not be read.
    findings: tuple[Finding, ...] = ()
    #: Contexts of the whole file, as written.
    context: str | None = None
    #: YAML and JSON: the properties to set before anything else, after which all the file's
    #: expressions are expanded once, before the first include.
    early: tuple[EarlyProperty, ...] | None = None
    #: Formatted or plain SQL, whose paths are normalized further than those of the other formats.
    is_sql: bool = False


def _map(attributes: Attributes, function: Callable[[str], str]) -> Attributes:
    for value in attributes.values():
        if "${" in value:
            break
    else:
        return attributes
    return {name: function(value) for name, value in attributes.items()}
