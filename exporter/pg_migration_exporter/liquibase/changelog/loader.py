"""Loads a changelog with the files that it includes: all its changesets, in order of execution."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from . import expressions, formats, includes, java, paths
from .file_scope import FileScope
from .findings import RefusalError, StopError, error, refusal
from .loaded_changeset import LoadedChangeSet
from .properties import Properties
from .property_statements import set_properties
from .read_pass import ReadPass
from .search_path import LocatedFile
from .statements import (
    Change,
    ChangelogFile,
    ChangelogStatement,
    ChangeSet,
    ChangeSetBody,
    ChangeSetContent,
    EarlyProperty,
    Include,
    IncludeAll,
    LogicalPath,
    Property,
)

AnyStatement = TypeVar("AnyStatement", bound=ChangelogStatement)

_MAX_FILES = 20_000
_MAX_CHANGESETS = 200_000


class ChangelogLoader:
    """Follows the includes as Liquibase does: depth first, setting properties on the way."""

    def __init__(self, read_pass: ReadPass) -> None:
        self._pass = read_pass
        self._rules = read_pass.options.rules
        self._properties = Properties(dict(read_pass.options.properties))
        self._files = 0
        self._changesets = 0

    def load(self, scope: FileScope, located: LocatedFile, file_format: str) -> None:
        """Load the file of `scope`, and everything that it includes, into `scope.changesets`."""
        self._files += 1
        if self._files > _MAX_FILES:
            raise StopError(error("The changelog includes too many files.", "Include less."))
        try:
            file = self._pass.parse(located, file_format)
        except RefusalError as problem:
            file = ChangelogFile(findings=(problem.finding,))
        for finding in file.findings:
            self._pass.report(finding, scope.name)
        scope.is_sql = file.is_sql
        if not file.is_sql:
            scope.physical = paths.normalize(scope.physical)
        self._apply_all(scope, self._prepared(scope, file))

    def _prepared(self, scope: FileScope, file: ChangelogFile) -> Iterable[ChangelogStatement]:
        """Return the statements, of YAML and JSON with all expressions expanded."""
        if file.early_properties is None:
            scope.context = file.context
            return file.statements
        self._apply_all(scope, file.early_properties)
        scope.context = file.context and self._expand(scope, file.context)
        return [
            statement.map(lambda text: self._expand(scope, text)) for statement in file.statements
        ]

    def _apply_all(self, scope: FileScope, statements: Iterable[ChangelogStatement]) -> None:
        for statement in statements:
            try:
                self._apply(scope, statement)
            except StopError:
                raise
            except RefusalError as problem:
                self._pass.report(problem.finding, scope.name, statement.line)

    def _apply(self, scope: FileScope, statement: ChangelogStatement) -> None:
        match statement:
            case ChangeSet():
                self._add_changeset(scope, statement)
            case ChangeSetBody():
                self._set_body(scope, statement)
            case Property():
                self._set_property(scope, statement)
            case EarlyProperty():
                self._set_early_property(scope, statement)
            case Include():
                self._include(scope, statement)
            case IncludeAll():
                self._include_all(scope, statement)
            case LogicalPath():
                self._set_logical_path(scope, statement)

    def _expand(self, scope: FileScope, text: str) -> str:
        if "${" not in text:
            return text
        return self._properties.expand(text, scope.property_files(self._rules))

    def _expanded(self, scope: FileScope, statement: AnyStatement) -> AnyStatement:
        return statement.map(lambda text: self._expand(scope, text))

    def _set_logical_path(self, scope: FileScope, statement: LogicalPath) -> None:
        if not (scope.is_sql and self._rules.header_path_ignored):
            scope.logical = statement.attributes.get("logicalFilePath")

    def _set_property(self, scope: FileScope, statement: Property) -> None:
        expanded = self._expanded(scope, statement)
        if not {"name", "file"} & expanded.attributes.keys():
            raise refusal("The property has neither a name nor a file.", "Give it a name.")
        set_properties(self._pass, self._properties, scope, expanded)

    def _set_early_property(self, scope: FileScope, statement: EarlyProperty) -> None:
        if {"name", "file"} & statement.attributes.keys():
            set_properties(self._pass, self._properties, scope, statement)

    def _include(self, scope: FileScope, statement: Include) -> None:
        expanded = self._expanded(scope, statement)
        path = includes.included_file(scope, expanded)
        if path.lower() in {".svn", "cvs"}:
            return
        if formats.format_of(path) is None and self._pass.search_path.find(path):
            raise refusal(
                f"{path} does not have the name of a changelog.",
                "Name it .xml, .yaml, .yml, .json or .sql, or remove the include.",
            )
        must_exist = java.to_boolean(expanded.attributes.get("errorIfMissing"), default=True)
        self._load_included(scope, expanded, path, must_exist)

    def _include_all(self, scope: FileScope, statement: IncludeAll) -> None:
        expanded = self._expanded(scope, statement)
        directory = includes.included_directory(scope, expanded)
        directories = scope.directories
        if directories is not None and directory in directories:
            raise refusal(f"{directory} includes itself.", "Remove the circular include.")
        if directories is None:
            directories = set()
        else:
            directories.add(directory)
        suffix = java.trim(expanded.attributes.get("endsWithFilter", ""))
        names = self._pass.search_path.search(directory, includes.included_depths(expanded), suffix)
        must_exist = java.to_boolean(expanded.attributes.get("errorIfMissingOrEmpty"), default=True)
        if not names and must_exist:
            raise refusal(
                f"The includeAll finds no file in {directory or 'the search path'}.",
                "Correct the path, or set errorIfMissingOrEmpty to false.",
            )
        for name in names:
            if formats.format_of(name):
                self._load_included(scope, expanded, name, must_exist, directories)

    def _load_included(
        self,
        scope: FileScope,
        statement: Include | IncludeAll,
        path: str,
        must_exist: bool,
        directories: set[str] | None = None,
    ) -> None:
        located = self._pass.search_path.find(path)
        if located is None:
            if must_exist:
                advice = "Correct the path, and let the exporter read it."
                raise refusal(f"The included file {path} does not exist.", advice)
            return
        child = scope.child(path, located.real, statement)
        if directories is not None:
            child.directories = directories
        self.load(child, located, formats.format_of(path) or "")
        for changeset in child.changesets:
            includes.apply_logical_path(
                changeset, child, statement.attributes.get("logicalFilePath"), self._rules
            )
            scope.add(changeset)

    def _add_changeset(self, scope: FileScope, statement: ChangeSet) -> None:
        self._changesets += 1
        if self._changesets > _MAX_CHANGESETS:
            raise StopError(error("The changelog has too many changesets.", "Include less."))
        # A formatted changeset starts with the SQL of the one before it.
        previous = scope.last_changeset
        changes = previous.content.changes if previous else (Change("sql", {}),)
        scope.last_changeset = None
        expanded = self._expanded(scope, statement)
        content = expanded.content or ChangeSetContent(changes)
        own = expanded.get("logicalFilePath")
        loaded = LoadedChangeSet(expanded, scope, self._path(scope, own), content)
        loaded.has_own_path = own is not None and not scope.is_sql
        if loaded.is_raw and self._rules.script_named_by_path:
            loaded.id = f"raw_{loaded.path.replace('/', '_')}"
        scope.last_changeset = loaded
        names = expressions.items(expanded.attributes.get("dbms"))
        loaded.is_foreign = not expressions.database_matches(names)
        if not loaded.is_foreign:
            for finding in expanded.findings:
                self._pass.report(finding, scope.name, statement.line)
        scope.add(loaded)

    def _path(self, scope: FileScope, own: str | None) -> str:
        if scope.is_sql:
            return paths.normalize(own or self._expand(scope, scope.local_key))
        return paths.without_root(java.trim(own)) if own else scope.path

    def _set_body(self, scope: FileScope, statement: ChangeSetBody) -> None:
        if scope.last_changeset is not None:
            content = self._expanded(scope, statement).content
            changes = content.changes or scope.last_changeset.content.changes
            scope.last_changeset.content = replace(content, changes=changes)
