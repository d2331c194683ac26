"""Differences between Liquibase versions: one table of rules and the versions that have them.

Taken from the sources of Liquibase 4.20 to 5.0.4 (tags of github.com/liquibase/liquibase).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Version = tuple[int, ...]

#: The version that is assumed where none is given.
ASSUMED: Version = (4, 28, 0)
#: The newest version whose sources were read.
NEWEST: Version = (5, 0, 4)

#: For each rule of `VersionRules` the first version that has it, and the first that no longer does.
_VERSIONS: dict[str, tuple[Version, Version | None]] = {
    "pooled_labels": ((4, 29, 2), None),
    "include_sets_path": ((4, 29, 3), None),
    "script_named_by_path": ((4, 29, 3), (4, 31, 0)),
    "symmetric_contexts": ((4, 30, 0), None),
    "inherited_path": ((4, 31, 1), None),
    "inherited_local_properties": ((4, 33, 0), None),
    "header_path_ignored": ((5, 0, 0), None),
    "own_path_per_file": ((5, 0, 2), None),
    "protected_commas": ((5, 0, 4), None),
    "no_contexts_token": ((5, 0, 4), None),
}


@dataclass(frozen=True, slots=True)
class VersionRules:
    """The rules of one Liquibase version."""

    #: The label filter matches the labels of a changeset and its includes together, not separately.
    pooled_labels: bool
    #: `include` and `includeAll` accept `logicalFilePath`.
    include_sets_path: bool
    #: The id of a script without a header is made of its path, unless the history has it as `raw`.
    script_named_by_path: bool
    #: Runtime contexts may be expressions too, matched against the changeset's contexts.
    symmetric_contexts: bool
    #: A changelog without logicalFilePath inherits that of the nearest including changelog.
    inherited_path: bool
    #: Properties with `global="false"` are visible in included changelogs.
    inherited_local_properties: bool
    #: `logicalFilePath` in the header of formatted SQL has no effect.
    header_path_ignored: bool
    #: An include sets the path of changesets in the included file, not of those that it includes.
    own_path_per_file: bool
    #: A comma inside parentheses does not split a context expression.
    protected_commas: bool
    #: The context `nocontexts` is true where no runtime context is given.
    no_contexts_token: bool

    @classmethod
    def of(cls, version: Version) -> VersionRules:
        """Return the rules of `version`."""
        return cls(
            **{
                rule: since <= version and (until is None or version < until)
                for rule, (since, until) in _VERSIONS.items()
            }
        )


def parse_version(text: str) -> Version | None:
    """Return "4.29.2" as (4, 29, 2), None where `text` does not start with such a number."""
    found = re.match(r"\d{1,4}(?:\.\d{1,4}){1,3}", text)
    return tuple(map(int, found.group().split("."))) if found else None
