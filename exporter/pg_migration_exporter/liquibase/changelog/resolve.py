"""From the statements of files to the changesets of the whole changelog, in order of execution."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from . import expressions, formats, include, java, paths
from .definitions import define
from .model import RefusalError, StopError, error, refusal
from .properties import Properties
from .reading import FileReading
from .scope import FileScope, LoadedChangeSet
from .sources import Located
from .statements import (
    Body,
    Change,
    ChangelogFile,
    ChangelogStatement,
    ChangeSet,
    Content,
    EarlyProperty,
    Include,
    IncludeAll,
    LogicalPath,
    Property,
)

AnyStatement = TypeVar("AnyStatement", bound=ChangelogStatement)

_MOST_FILES = 20_000
_MOST_CHANGESETS = 200_000


class Resolver:
    """Walks the include tree as Liquibase does: depth first, setting properties on the way."""

    def __init__(self, reading: FileReading) -> None:
        self._reading = reading
        self._rules = reading.query.rules
        self._properties = Properties(dict(reading.query.properties))
        self._files = 0
        self._changesets = 0
        self._take: dict[type[ChangelogStatement], Callable[[FileScope, Any], None]] = {
            LogicalPath: self._logical_path,
            Property: self._property,
            EarlyProperty: self._early_property,
            Include: self._include,
            IncludeAll: self._include_all,
            ChangeSet: self._changeset,
            Body: self._body,
        }

    def load(self, scope: FileScope, located: Located, kind: str) -> None:
        """Read the file of `scope`, and whatever it includes, into `scope.changesets`."""
        self._files += 1
        if self._files > _MOST_FILES:
            raise StopError(error("The changelog includes too many files.", "Include less."))
        try:
            file = self._reading.parse(located, kind)
        except RefusalError as problem:
            file = ChangelogFile(findings=(problem.finding,))
        for finding in file.findings:
            self._reading.report(finding, scope.name)
        scope.is_sql = file.is_sql
        if not file.is_sql:
            scope.physical = paths.normalize(scope.physical)
        self._run(scope, self._prepared(scope, file))

    def _prepared(self, scope: FileScope, file: ChangelogFile) -> Iterable[ChangelogStatement]:
        """Return the statements; YAML and JSON have expressions expanded before anything runs."""
        if file.early is None:
            scope.context = file.context
            return file.statements
        self._run(scope, file.early)
        scope.context = file.context and self._expand(scope, file.context)
        return [
            statement.map(lambda text: self._expand(scope, text)) for statement in file.statements
        ]

    def _run(self, scope: FileScope, statements: Iterable[ChangelogStatement]) -> None:
        for statement in statements:
            try:
                self._take[type(statement)](scope, statement)
            except StopError:
                raise
            except RefusalError as problem:
                self._reading.report(problem.finding, scope.name, statement.line)

    def _expand(self, scope: FileScope, text: str) -> str:
        if "${" not in text:
            return text
        return self._properties.expand(text, scope.property_files(self._rules))

    def _expanded(self, scope: FileScope, statement: AnyStatement) -> AnyStatement:
        return statement.map(lambda text: self._expand(scope, text))

    def _logical_path(self, scope: FileScope, statement: LogicalPath) -> None:
        if not (scope.is_sql and self._rules.header_path_ignored):
            scope.logical = statement.attributes.get("logicalFilePath")

    def _property(self, scope: FileScope, statement: Property) -> None:
        expanded = self._expanded(scope, statement)
        if not {"name", "file"} & expanded.attributes.keys():
            raise refusal("The property has neither a name nor a file.", "Give it a name.")
        define(self._reading, self._properties, scope, expanded)

    def _early_property(self, scope: FileScope, statement: EarlyProperty) -> None:
        if {"name", "file"} & statement.attributes.keys():
            define(self._reading, self._properties, scope, statement)

    def _include(self, scope: FileScope, statement: Include) -> None:
        expanded = self._expanded(scope, statement)
        path = include.target(scope, expanded)
        if path.lower() in {".svn", "cvs"}:
            return
        if formats.kind_of(path) is None and self._reading.sources.find(path):
            raise refusal(
                f"{path} is no changelog by its name.",
                "Name it .xml, .yaml, .yml, .json or .sql, or remove the include.",
            )
        must_exist = java.to_boolean(expanded.attributes.get("errorIfMissing"), default=True)
        self._open(scope, expanded, path, must_exist)

    def _include_all(self, scope: FileScope, statement: IncludeAll) -> None:
        expanded = self._expanded(scope, statement)
        directory = include.directory(scope, expanded)
        directories = scope.directories
        if directories is not None and directory in directories:
            raise refusal(f"{directory} includes itself.", "Break the circle.")
        if directories is None:
            directories = set()
        else:
            directories.add(directory)
        suffix = java.trim(expanded.attributes.get("endsWithFilter", ""))
        names = self._reading.sources.search(directory, include.depths(expanded), suffix)
        must_exist = java.to_boolean(expanded.attributes.get("errorIfMissingOrEmpty"), default=True)
        if not names and must_exist:
            raise refusal(
                f"The includeAll finds no file in {directory or 'the search path'}.",
                "Correct the path, or set errorIfMissingOrEmpty to false.",
            )
        for name in names:
            if formats.kind_of(name):
                self._open(scope, expanded, name, must_exist, directories)

    def _open(
        self,
        scope: FileScope,
        statement: Include | IncludeAll,
        path: str,
        must_exist: bool,
        directories: set[str] | None = None,
    ) -> None:
        located = self._reading.sources.find(path)
        if located is None:
            if must_exist:
                advice = "Correct the path, and let the exporter read it."
                raise refusal(f"The included file {path} does not exist.", advice)
            return
        child = scope.child(path, located.real, statement)
        if directories is not None:
            child.directories = directories
        self.load(child, located, formats.kind_of(path) or "")
        for changeset in child.changesets:
            include.set_path(
                changeset, child, statement.attributes.get("logicalFilePath"), self._rules
            )
            scope.add(changeset)

    def _changeset(self, scope: FileScope, statement: ChangeSet) -> None:
        self._changesets += 1
        if self._changesets > _MOST_CHANGESETS:
            raise StopError(error("The changelog has too many changesets.", "Include less."))
        # The SQL of the one before is what a formatted changeset starts with.
        before = scope.last.content.changes if scope.last else (Change("sql", {}),)
        scope.last = None
        expanded = self._expanded(scope, statement)
        content = expanded.content or Content(before)
        own = expanded.get("logicalFilePath")
        loaded = LoadedChangeSet(expanded, scope, self._path(scope, own), content)
        loaded.path_is_own = own is not None and not scope.is_sql
        if loaded.is_raw and self._rules.script_named_by_path:
            loaded.id = f"raw_{loaded.path.replace('/', '_')}"
        scope.last = loaded
        names = expressions.items(expanded.attributes.get("dbms"))
        if expressions.database_matches(names):
            for finding in expanded.findings:
                self._reading.report(finding, scope.name, statement.line)
            scope.add(loaded)

    def _path(self, scope: FileScope, own: str | None) -> str:
        if scope.is_sql:
            return paths.normalize(own or self._expand(scope, scope.local_key))
        return paths.without_root(java.trim(own)) if own else scope.path

    def _body(self, scope: FileScope, statement: Body) -> None:
        if scope.last is not None:
            content = self._expanded(scope, statement).content
            changes = content.changes or scope.last.content.changes
            scope.last.content = replace(content, changes=changes)
