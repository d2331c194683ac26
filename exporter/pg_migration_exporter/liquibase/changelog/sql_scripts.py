"""The SQL of changesets: what Liquibase validates in it, and its checksum."""

from __future__ import annotations

from collections.abc import Iterator

from . import checksum, expressions, formats, java, paths
from .checksum import OldScript
from .file_scope import FileScope
from .findings import Finding, RefusalError, error
from .loaded_changeset import LoadedChangeSet
from .properties import unresolved
from .read_pass import ReadPass
from .search_path import LocatedFile
from .statements import RAW, Attributes, Change


class SqlScripts:
    """Reads the SQL of the changes `sql` and `sqlFile`."""

    def __init__(self, read_pass: ReadPass) -> None:
        self._pass = read_pass

    def check(self, changeset: LoadedChangeSet) -> Iterator[Finding]:
        """Yield an error for each change without SQL or whose file is missing."""
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

    def old_checksum(self, changeset: LoadedChangeSet) -> str | None:
        """Return the checksum that versions before 4.22 record; None where it is not known."""
        content = changeset.content
        if content.modified or changeset.statement.attributes.get("runWith"):
            return None
        scripts = [self._old_script(changeset.scope, change) for change in content.changes]
        known = [script for script in scripts if script is not None]
        return checksum.of_old_scripts(known) if len(known) == len(scripts) else None

    def _old_script(self, scope: FileScope, change: Change) -> OldScript | None:
        attributes = change.attributes
        if change.kind == "sqlFile":
            script = self._bytes_of_file(scope, attributes)
        else:
            script = self._script(scope, change.kind, attributes)
            if script is not None and not script.isascii() and not self._is_utf8:
                return None  # digested in --output-file-encoding
        delimiter = attributes.get("endDelimiter")
        # A byte 255 ends what Liquibase reads.
        if script is None or b"\xff" in script or any(unresolved([delimiter])):
            return None
        return OldScript(
            script,
            delimiter,
            java.to_boolean(attributes.get("splitStatements"), default=change.kind != RAW),
            java.to_boolean(attributes.get("stripComments")),
        )

    def texts(self, changeset: LoadedChangeSet) -> Iterator[str]:
        """Yield the SQL scripts that the changeset runs on PostgreSQL, "" where not known."""
        for change in changeset.content.changes:
            if not expressions.database_matches(expressions.items(change.attributes.get("dbms"))):
                continue
            if change.kind == "sqlFile":
                yield self._text_of_file(changeset.scope, change.attributes) or ""
            elif change.kind in {"sql", RAW}:
                yield change.attributes.get("sql", "")

    @property
    def _is_utf8(self) -> bool:
        return self._pass.options.encoding.lower().replace("-", "") == "utf8"

    def _bytes_of_file(self, scope: FileScope, attributes: Attributes) -> bytes | None:
        located = self._find(scope, attributes)
        try:
            return self._pass.search_path.read(located) if located else None
        except RefusalError:
            return None

    def _script(self, scope: FileScope, kind: str, attributes: Attributes) -> bytes | None:
        """Return the bytes that Liquibase digests, None if they are not known."""
        encoding = self._pass.options.encoding
        if kind == "sqlFile":
            text = self._text_of_file(scope, attributes)
        elif kind in {"sql", RAW}:
            text = java.trim(attributes.get("sql", ""))
            if kind == "sql" and any(unresolved([text])):
                return None
        else:
            return None
        return None if text is None or "\ufffd" in text else text.encode(encoding, "replace")

    def _text_of_file(self, scope: FileScope, attributes: Attributes) -> str | None:
        encoding = attributes.get("encoding") or self._pass.options.encoding
        located = self._find(scope, attributes)
        if located is None or not formats.is_encoding(encoding):
            return None
        try:
            return formats.decode_script(self._pass.search_path.read(located), encoding)
        except RefusalError:
            return None

    def _find(self, scope: FileScope, attributes: Attributes) -> LocatedFile | None:
        path = attributes.get("path")
        if path is None:
            return None
        if java.to_boolean(attributes.get("relativeToChangelogFile")):
            path = paths.sibling(scope.physical, path)
        return self._pass.search_path.find(path)
