"""One changelog file while it is loaded: its names, the including files, and its changesets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from . import java, paths
from .findings import refusal
from .loaded_changeset import LoadedChangeSet
from .statements import Include, IncludeAll
from .version_rules import VersionRules

_MAX_DEPTH = 50


@dataclass(slots=True)
class FileScope:
    """A changelog file at one place of the include tree."""

    #: Its name as the include writes it; XML, YAML and JSON files normalize it.
    physical: str
    #: Its real path, to detect circular includes.
    real: str
    parent: FileScope | None = None
    #: Contexts, labels and `ignore` of the include that leads to this file.
    include_context: str | None = None
    include_labels: str | None = None
    include_ignored: bool = False
    #: Directories of the nested includeAll statements that lead here; None outside includeAll.
    directories: set[str] | None = None
    #: Contexts of the file itself.
    context: str | None = None
    logical: str | None = None
    is_sql: bool = False
    changesets: list[LoadedChangeSet] = field(default_factory=list)
    #: The changeset that the next body of formatted SQL belongs to.
    last_changeset: LoadedChangeSet | None = None

    @property
    def path(self) -> str:
        """The path of changesets that have none of their own. DatabaseChangeLog.getFilePath."""
        return self.physical if self.logical is None else paths.without_root(self.logical)

    @property
    def local_key(self) -> str:
        """The key of its local properties. DatabaseChangeLog.getLogicalFilePath."""
        return paths.without_root(self.physical if self.logical is None else self.logical)

    @property
    def name(self) -> str:
        """The name of the file in findings."""
        return paths.lookup(self.physical)

    def enclosing(self) -> Iterator[FileScope]:
        """Yield this scope, then those of the including files, innermost first."""
        scope: FileScope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def child(self, path: str, real: str, statement: Include | IncludeAll) -> FileScope:
        """Return the scope of an included file. Raises RefusalError for a circular include."""
        enclosing = list(self.enclosing())
        if real in {scope.real for scope in enclosing}:
            raise refusal(f"{path} includes itself.", "Remove the circular include.")
        if len(enclosing) >= _MAX_DEPTH:
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

    def property_files(self, rules: VersionRules) -> list[str]:
        """Return the keys of the local properties that are visible here, nearest first."""
        scopes = self.enclosing() if rules.inherited_local_properties else (self,)
        return [scope.local_key for scope in scopes]

    def add(self, changeset: LoadedChangeSet) -> None:
        """Insert a changeset by its runOrder: those that run first, the others, the last."""
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
