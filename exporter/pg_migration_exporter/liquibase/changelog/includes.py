"""What an include or includeAll names, and the path that it sets for included changesets."""

from __future__ import annotations

import re

from . import java, paths
from .file_scope import FileScope
from .findings import refusal
from .loaded_changeset import LoadedChangeSet
from .statements import Include, IncludeAll
from .version_rules import VersionRules

_INTEGER = re.compile(r"[-+]?[0-9]{1,10}")
_MAX_INTEGER = 2**31 - 1


def included_file(scope: FileScope, statement: Include) -> str:
    """Return the name of the included file in the search path."""
    file = statement.attributes.get("file")
    if file is None:
        raise refusal("The include names no file.", "Add file.")
    return _relative(scope, statement, file.replace("\\", "/"))


def included_directory(scope: FileScope, statement: IncludeAll) -> str:
    """Return the directory to include, with `/` at its end unless it is the root itself."""
    path = statement.attributes.get("path")
    if path is None:
        raise refusal("The includeAll names no path.", "Add path.")
    for name in ("filter", "resourceFilter", "resourceComparator"):
        if statement.get(name):
            raise refusal(
                f"The includeAll has a {name}: a Java class decides which files, or their order.",
                "Include the files one by one, or name them so that they sort.",
            )
    path = _relative(scope, statement, path).replace("\\", "/")
    path = re.sub("^file:/+", "", path)
    return path if not path or path.endswith("/") else f"{path}/"


def _relative(scope: FileScope, statement: Include | IncludeAll, path: str) -> str:
    if java.to_boolean(statement.attributes.get("relativeToChangelogFile")):
        return paths.sibling(scope.physical, path)
    return path


def included_depths(statement: IncludeAll) -> range:
    """Return the depths of files to include; a file directly in the directory has depth 1."""
    least, most = _integer(statement, "minDepth", 0), _integer(statement, "maxDepth", _MAX_INTEGER)
    if least < 0 or most < least:
        raise refusal("minDepth and maxDepth leave no depth.", "Correct them.")
    return range(least, most + 1)


def _integer(statement: IncludeAll, name: str, default: int) -> int:
    text = statement.attributes.get(name)
    if text is None:
        return default
    if not _INTEGER.fullmatch(text) or abs(int(text)) > _MAX_INTEGER:
        raise refusal(f"{name}={text!r} is not a number.", "Correct it.")
    return int(text)


def apply_logical_path(
    changeset: LoadedChangeSet, child: FileScope, explicit: str | None, rules: VersionRules
) -> None:
    """Apply `logicalFilePath` of an include, and of including changelogs, to an included changeset.

    `child` is the included file, `explicit` the attribute of the include. Since Liquibase 4.29.3; a
    changeset that has run before keeps its path, so its other paths are remembered as well.
    """
    if not rules.include_sets_path:
        return
    path = _inherited(child, explicit, rules) if rules.inherited_path else explicit
    if path is None:
        return
    is_nested = changeset.scope is not child
    if rules.inherited_path and (changeset.has_own_path or (changeset.is_raw and not is_nested)):
        return
    if rules.own_path_per_file and is_nested:
        return
    changeset.set_path(path)


def _inherited(child: FileScope, explicit: str | None, rules: VersionRules) -> str | None:
    logical_paths = [scope.logical for scope in child.enclosing()]
    if rules.own_path_per_file:
        logical_paths.insert(1, explicit)
    else:
        logical_paths.append(explicit)
    return next((path for path in logical_paths if path is not None and java.trim(path)), None)
