"""Where an include or includeAll leads, and what it does to the changesets it brings."""

from __future__ import annotations

import re

from . import java, paths
from .model import refusal
from .rules import Rules
from .scope import FileScope, LoadedChangeSet
from .statements import Include, IncludeAll

_INTEGER = re.compile(r"[-+]?[0-9]{1,10}")
_LARGEST = 2**31 - 1


def target(scope: FileScope, statement: Include) -> str:
    """Return the name of the included file in the search path."""
    file = statement.attributes.get("file")
    if file is None:
        raise refusal("The include names no file.", "Add file.")
    return _relative(scope, statement, file.replace("\\", "/"))


def directory(scope: FileScope, statement: IncludeAll) -> str:
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


def depths(statement: IncludeAll) -> range:
    """Return the depths of files to include; a file directly in the directory has 1."""
    least, most = _integer(statement, "minDepth", 0), _integer(statement, "maxDepth", _LARGEST)
    if least < 0 or most < least:
        raise refusal("minDepth and maxDepth leave no depth.", "Correct them.")
    return range(least, most + 1)


def _integer(statement: IncludeAll, name: str, default: int) -> int:
    text = statement.attributes.get(name)
    if text is None:
        return default
    if not _INTEGER.fullmatch(text) or abs(int(text)) > _LARGEST:
        raise refusal(f"{name}={text!r} is not a number.", "Correct it.")
    return int(text)


def set_path(
    changeset: LoadedChangeSet, child: FileScope, explicit: str | None, rules: Rules
) -> None:
    """Apply `logicalFilePath` of an include, and of changelogs around, to an included changeset.

    `child` is the included file, `explicit` what the include says. Since Liquibase 4.29.3; a
    changeset that has run before keeps its path, which is why it keeps the others as well.
    """
    if not rules.include_sets_path:
        return
    path = _inherited(child, explicit, rules) if rules.inherited_path else explicit
    if path is None:
        return
    is_nested = changeset.scope is not child
    if rules.inherited_path and (changeset.path_is_own or (changeset.is_raw and not is_nested)):
        return
    if rules.own_path_per_file and is_nested:
        return
    changeset.move(path)


def _inherited(child: FileScope, explicit: str | None, rules: Rules) -> str | None:
    around = [scope.logical for scope in child.enclosing()]
    if rules.own_path_per_file:
        around.insert(1, explicit)
    else:
        around.append(explicit)
    return next((path for path in around if path is not None and java.trim(path)), None)
