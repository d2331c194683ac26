"""The SQL of changesets: what Liquibase demands of it, and its checksum."""

from __future__ import annotations

from collections.abc import Iterator

from . import checksum, expressions, formats, java, paths
from .model import Finding, RefusalError, error
from .properties import unresolved
from .reading import FileReading
from .scope import FileScope, LoadedChangeSet
from .sources import Located
from .statements import RAW, Attributes


class Scripts:
    """Reads the SQL of `sql` and `sqlFile`; other changes are no business of its."""

    def __init__(self, reading: FileReading) -> None:
        self._reading = reading

    def check(self, changeset: LoadedChangeSet) -> Iterator[Finding]:
        """Yield what Liquibase's validation refuses: no SQL, no file."""
        for change in changeset.content.changes:
            if change.kind in {"sql", RAW} and not java.trim(change.attributes.get("sql", "")):
                yield error("The changeset has no SQL.", "Write its SQL, or remove it.")
            if change.kind == "sqlFile" and not self._find(changeset.scope, change.attributes):
                path = change.attributes.get("path")
                yield error(f"The SQL file {path} does not exist.", "Correct the path.")

    def checksum(self, changeset: LoadedChangeSet) -> str | None:
        """Return the changeset's checksum; None where only Liquibase can compute it."""
        content = changeset.content
        if content.modified:
            return None
        scripts: list[bytes] = []
        for change in content.changes:
            names = expressions.items(change.attributes.get("dbms"))
            if not expressions.database_matches(names):
                continue
            script = self._script(changeset.scope, change.kind, change.attributes)
            if script is None:
                return None
            scripts.append(script)
        return checksum.of_scripts(scripts)

    def _script(self, scope: FileScope, kind: str, attributes: Attributes) -> bytes | None:
        """Return what Liquibase digests, in the encoding that it reads files in."""
        encoding = self._reading.query.encoding
        if kind == "sqlFile":
            text = self._file(scope, attributes)
        elif kind in {"sql", RAW}:
            text = java.trim(attributes.get("sql", ""))
            if kind == "sql" and any(unresolved([text])):
                return None
        else:
            return None
        return None if text is None or "\ufffd" in text else text.encode(encoding, "replace")

    def _file(self, scope: FileScope, attributes: Attributes) -> str | None:
        encoding = attributes.get("encoding") or self._reading.query.encoding
        located = self._find(scope, attributes)
        if located is None or not formats.is_encoding(encoding):
            return None
        try:
            return formats.decode_script(self._reading.sources.read(located), encoding)
        except RefusalError:
            return None

    def _find(self, scope: FileScope, attributes: Attributes) -> Located | None:
        path = attributes.get("path")
        if path is None:
            return None
        if java.to_boolean(attributes.get("relativeToChangelogFile")):
            path = paths.sibling(scope.physical, path)
        return self._reading.sources.find(path)
