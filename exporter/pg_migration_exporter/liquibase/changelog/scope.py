"""One changelog file while it is read: its names, what encloses it, and the changesets so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from . import java, paths
from .model import refusal
from .rules import Rules
from .statements import RAW, ChangeSet, Content, Include, IncludeAll

_DEEPEST = 50


@dataclass(slots=True)
class LoadedChangeSet:
    """A changeset with its expressions expanded, before contexts and labels select."""

    statement: ChangeSet
    scope: FileScope
    path: str
    content: Content
    #: An include may set its path as long as this is false.
    path_is_own: bool = False
    #: The paths it had before an include set one.
    other_paths: tuple[str, ...] = ()
    #: Java prints what is missing as null.
    id: str = field(init=False)
    author: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = self.statement.attributes.get("id", "null")
        self.author = self.statement.attributes.get("author", "null")

    @property
    def identity(self) -> str:
        """`path::id::author`."""
        return f"{self.path}::{self.id}::{self.author}"

    @property
    def is_raw(self) -> bool:
        """Whether it is a whole SQL script without a header."""
        return bool(self.content.changes) and self.content.changes[0].kind == RAW

    def move(self, path: str) -> None:
        """Take the path that an include sets."""
        self.path_is_own = True
        if path:
            self.other_paths, self.path = (*self.other_paths, self.path), path


@dataclass(slots=True)
class FileScope:
    """A changelog file at one place of the include tree."""

    #: Its name as the include writes it; XML, YAML and JSON files normalize it.
    physical: str
    #: Where it really is, to see circles.
    real: str
    parent: FileScope | None = None
    #: Of the include that leads here: contexts, labels, whether it ignores the file's changesets.
    include_context: str | None = None
    include_labels: str | None = None
    include_ignored: bool = False
    #: The directories of the includeAll statements around, once one is inside another.
    directories: set[str] | None = None
    #: Of the file itself.
    context: str | None = None
    logical: str | None = None
    is_sql: bool = False
    changesets: list[LoadedChangeSet] = field(default_factory=list)
    #: The changeset that a body of formatted SQL belongs to.
    last: LoadedChangeSet | None = None

    @property
    def path(self) -> str:
        """The path of changesets that have none of their own. DatabaseChangeLog.getFilePath."""
        return self.physical if self.logical is None else paths.without_root(self.logical)

    @property
    def local_key(self) -> str:
        """The name under which local properties are kept. DatabaseChangeLog.getLogicalFilePath."""
        return paths.without_root(self.physical if self.logical is None else self.logical)

    @property
    def name(self) -> str:
        """The name that findings give the file."""
        return paths.lookup(self.physical)

    def enclosing(self) -> Iterator[FileScope]:
        """Yield this scope and those around it, inside out."""
        scope: FileScope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def child(self, path: str, real: str, statement: Include | IncludeAll) -> FileScope:
        """Return the scope of an included file. Raises RefusalError for a circle."""
        enclosing = list(self.enclosing())
        if real in {scope.real for scope in enclosing}:
            raise refusal(f"{path} includes itself.", "Break the circle.")
        if len(enclosing) >= _DEEPEST:
            raise refusal("The includes nest too deep.", "Flatten them.")
        return FileScope(
            path,
            real,
            self,
            include_context=statement.get("contextFilter", "context"),
            include_labels=statement.get("labels"),
            include_ignored=java.to_boolean(statement.attributes.get("ignore")),
            directories=self.directories,
        )

    def property_files(self, rules: Rules) -> list[str]:
        """Return the keys of the local properties that are visible here, nearest first."""
        scopes = self.enclosing() if rules.inherited_local_properties else (self,)
        return [scope.local_key for scope in scopes]

    def add(self, changeset: LoadedChangeSet) -> None:
        """Put a changeset in its place: those that run first, then the others, then the last."""
        order = changeset.statement.attributes.get("runOrder")
        if order == "last":
            self.changesets.append(changeset)
        elif order == "first":
            self.changesets.insert(self._count("first", self.changesets), changeset)
        elif order is None:
            last = self._count("last", reversed(self.changesets))
            self.changesets.insert(len(self.changesets) - last, changeset)
        else:
            raise refusal(f"The runOrder {order!r} is not known.", "Write first or last.")

    @staticmethod
    def _count(order: str, changesets: Iterator[LoadedChangeSet] | list[LoadedChangeSet]) -> int:
        count = 0
        for changeset in changesets:
            if changeset.statement.attributes.get("runOrder") != order:
                break
            count += 1
        return count
