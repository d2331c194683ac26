"""`property` statements: which of them apply to this run, and the values that they set."""

from __future__ import annotations

from collections.abc import Mapping

from . import expressions, java, paths, property_file
from .file_scope import FileScope
from .findings import refusal, warning
from .properties import Properties
from .read_pass import ReadOptions, ReadPass
from .statements import Attributes, ChangelogStatement


def set_properties(
    read_pass: ReadPass, properties: Properties, scope: FileScope, statement: ChangelogStatement
) -> None:
    """Set the property, or all properties of the file, that `statement` names."""
    attributes = statement.attributes
    if not _applies(attributes, read_pass.options):
        return
    file = None if java.to_boolean(attributes.get("global"), default=True) else scope.local_key
    for name, value in _values(read_pass, scope, attributes).items():
        if properties.is_hidden(name):
            read_pass.report_once(
                f"hidden {name.lower()}",
                warning(
                    f"The environment variable {name.upper()} hides the property {name}.",
                    "Rename the property: where the variable is set, Liquibase takes its value.",
                    statement.line,
                ),
                scope.name,
            )
        properties.set(name, value, file)


def _applies(attributes: Attributes, options: ReadOptions) -> bool:
    contexts = attributes.get("contextFilter") or attributes.get("context")
    names = java.split(attributes["dbms"]) if attributes.get("dbms") else []
    return (
        expressions.label_matches(attributes.get("labels"), (), options.labels, options.rules)
        and expressions.context_holds(contexts, options.contexts, options.rules)
        and expressions.database_matches(names)
    )


def _values(
    read_pass: ReadPass, scope: FileScope, attributes: Attributes
) -> Mapping[str, str | None]:
    file = attributes.get("file")
    if file is None:
        return {attributes["name"]: attributes.get("value")}
    if java.to_boolean(attributes.get("relativeToChangelogFile")):
        file = paths.sibling(scope.physical, file)
    located = read_pass.search_path.find(file)
    if located is not None:
        return property_file.parse(read_pass.search_path.read(located))
    if java.to_boolean(attributes.get("errorIfMissing"), default=True):
        raise refusal(f"The property file {file} does not exist.", "Correct the path.")
    return {}
