"""`property` statements: which of them this run sees, and what they set."""

from __future__ import annotations

from collections.abc import Mapping

from . import expressions, java, paths, property_file
from .model import refusal, warning
from .properties import Properties
from .reading import FileReading, Query
from .scope import FileScope
from .statements import Attributes, ChangelogStatement


def define(
    reading: FileReading, properties: Properties, scope: FileScope, statement: ChangelogStatement
) -> None:
    """Set the property, or the file of properties, that `statement` names."""
    attributes = statement.attributes
    if not _applies(attributes, reading.query):
        return
    file = None if java.to_boolean(attributes.get("global"), default=True) else scope.local_key
    for name, value in _values(reading, scope, attributes).items():
        if properties.is_hidden(name):
            reading.report_once(
                f"hidden {name.lower()}",
                warning(
                    f"The environment variable {name.upper()} hides the property {name}.",
                    "Rename the property: where the variable is set, Liquibase takes its value.",
                    statement.line,
                ),
                scope.name,
            )
        properties.set(name, value, file)


def _applies(attributes: Attributes, query: Query) -> bool:
    contexts = attributes.get("contextFilter") or attributes.get("context")
    names = java.split(attributes["dbms"]) if attributes.get("dbms") else []
    return (
        expressions.label_matches(attributes.get("labels"), (), query.labels, query.rules)
        and expressions.context_holds(contexts, query.contexts, query.rules)
        and expressions.database_matches(names)
    )


def _values(
    reading: FileReading, scope: FileScope, attributes: Attributes
) -> Mapping[str, str | None]:
    file = attributes.get("file")
    if file is None:
        return {attributes["name"]: attributes.get("value")}
    if java.to_boolean(attributes.get("relativeToChangelogFile")):
        file = paths.sibling(scope.physical, file)
    located = reading.sources.find(file)
    if located is not None:
        return property_file.parse(reading.sources.read(located))
    if java.to_boolean(attributes.get("errorIfMissing"), default=True):
        raise refusal(f"The property file {file} does not exist.", "Correct the path.")
    return {}
