"""What differs between Liquibase versions, as one table: which version brought which rule.

Read off the sources of Liquibase 4.20 to 5.0.4 (tags of github.com/liquibase/liquibase).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Version = tuple[int, ...]

#: The version that is assumed where none is given.
ASSUMED: Version = (4, 28, 0)
#: The newest version whose sources were read.
NEWEST: Version = (5, 0, 4)

#: The first version that has each rule of `Rules`, and the first that has it no more.
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
class Rules:
    """The rules of one Liquibase version."""

    #: The label filter sees a changeset's labels and its includes' together, not each on its own.
    pooled_labels: bool
    #: `include` and `includeAll` know `logicalFilePath`.
    include_sets_path: bool
    #: A script without a header has an id made of its path, unless the history knows it as `raw`.
    script_named_by_path: bool
    #: Runtime contexts may be expressions too, matched against the changeset's contexts.
    symmetric_contexts: bool
    #: A changelog without logicalFilePath takes that of the nearest changelog around it.
    inherited_path: bool
    #: Properties with `global="false"` reach into included changelogs.
    inherited_local_properties: bool
    #: `logicalFilePath` in the header of formatted SQL has no effect.
    header_path_ignored: bool
    #: An include sets the path of the included file's own changesets, not of those further down.
    own_path_per_file: bool
    #: A comma inside parentheses does not split a context expression.
    protected_commas: bool
    #: The context `nocontexts` is true where no runtime context is given.
    no_contexts_token: bool

    @classmethod
    def of(cls, version: Version) -> Rules:
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
