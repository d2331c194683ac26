"""The statements of a changelog file, in order, with `${property}` expressions unexpanded.

All four formats are parsed into these statements, which depend on nothing but the bytes of the file
and can be cached as long as it does not change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from . import java
from .findings import Finding

Attributes = Mapping[str, str]

#: The kind of the only change of a script without a header.
RAW = "raw"


@dataclass(frozen=True, slots=True)
class ChangelogStatement:
    """One statement: the line where it starts and its attributes by their canonical names."""

    line: int
    attributes: Attributes

    def get(self, *names: str) -> str | None:
        """Return the first of the named attributes that is not blank."""
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
    """A property of YAML or JSON that is set, unexpanded, before anything else in the file."""


@dataclass(frozen=True, slots=True)
class Include(ChangelogStatement):
    """`include`: another changelog file."""


@dataclass(frozen=True, slots=True)
class IncludeAll(ChangelogStatement):
    """`includeAll`: the changelog files of a directory."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a changeset; its attributes are read only for `sql` and `sqlFile`."""

    kind: str
    attributes: Attributes

    def map(self, function: Callable[[str], str]) -> Self:
        """Return the same change with `function` applied to its texts; not for a raw script."""
        attributes = self.attributes if self.kind == RAW else _map(self.attributes, function)
        return self if attributes is self.attributes else replace(self, attributes=attributes)


@dataclass(frozen=True, slots=True)
class ChangeSetContent:
    """The content of a changeset: everything except its attributes."""

    changes: tuple[Change, ...] = ()
    valid_checksums: tuple[str, ...] = ()
    #: Whether it has `modifySql` or the like, which changes the checksum in ways not computed here.
    modified: bool = False
    #: The values of `onFail` and `onError` of its preconditions.
    precondition_failures: tuple[str, ...] = ()
    #: A digest of the changes, "" for formatted SQL.
    fingerprint: str = ""

    def map(self, function: Callable[[str], str]) -> Self:
        """Return the same content with `function` applied to every text of its changes."""
        changes = tuple([change.map(function) for change in self.changes])
        return self if changes == self.changes else replace(self, changes=changes)


@dataclass(frozen=True, slots=True)
class ChangeSet(ChangelogStatement):
    """`changeSet`; in formatted SQL its content may follow as a `ChangeSetBody`."""

    content: ChangeSetContent | None = None
    #: Findings that are reported unless `dbms` excludes the changeset.
    findings: tuple[Finding, ...] = ()

    def map(self, function: Callable[[str], str]) -> Self:
        """Return the same changeset with `function` applied to its attributes and its content."""
        attributes = _map(self.attributes, function)
        content = self.content and self.content.map(function)
        if attributes is self.attributes and content is self.content:
            return self
        return replace(self, attributes=attributes, content=content)


@dataclass(frozen=True, slots=True)
class ChangeSetBody(ChangelogStatement):
    """The content of the preceding formatted changeset, expanded where the next one begins.

    Without changes, the changeset keeps the changes of the one before it.
    """

    content: ChangeSetContent = ChangeSetContent()

    def map(self, function: Callable[[str], str]) -> Self:
        """Return the same body with `function` applied to its SQL."""
        content = self.content.map(function)
        return self if content is self.content else replace(self, content=content)


@dataclass(frozen=True, slots=True)
class ChangelogFile:
    """Everything that one parsed file contains."""

    statements: tuple[ChangelogStatement, ...] = ()
    #: Findings about the file as a whole, or about statements that cannot be read.
    findings: tuple[Finding, ...] = ()
    #: Contexts of the whole file, unexpanded.
    context: str | None = None
    #: YAML and JSON: the properties to set before anything else; all expressions of the file are
    #: expanded once after that, before the first include.
    early_properties: tuple[EarlyProperty, ...] | None = None
    #: Whether it is SQL, whose paths are normalized further than those of the other formats.
    is_sql: bool = False


def _map(attributes: Attributes, function: Callable[[str], str]) -> Attributes:
    for value in attributes.values():
        if "${" in value:
            break
    else:
        return attributes
    return {name: function(value) for name, value in attributes.items()}
