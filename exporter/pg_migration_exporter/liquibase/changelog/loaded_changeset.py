"""A changeset of a file that has been loaded, before contexts and labels select."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .statements import RAW, ChangeSet, ChangeSetContent

if TYPE_CHECKING:
    from .file_scope import FileScope


@dataclass(slots=True)
class LoadedChangeSet:
    """A changeset with its expressions expanded."""

    statement: ChangeSet
    scope: FileScope
    path: str
    content: ChangeSetContent
    #: Whether its path is final; an include may set it while this is false.
    has_own_path: bool = False
    #: The paths it had before an include set one.
    other_paths: tuple[str, ...] = ()
    #: Whether `dbms` excludes PostgreSQL.
    is_foreign: bool = False
    #: "null" where the attribute is missing, as Java prints it.
    id: str = field(init=False)
    author: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = self.statement.attributes.get("id", "null")
        self.author = self.statement.attributes.get("author", "null")

    @property
    def identity(self) -> str:
        """`path::id::author`."""
        return f"{self.path}::{self.id}::{self.author}"

    @property
    def identities(self) -> Iterator[str]:
        """Every identity under which the history may record it."""
        return (f"{path}::{self.id}::{self.author}" for path in (self.path, *self.other_paths))

    @property
    def is_raw(self) -> bool:
        """Whether it is a whole SQL script without a header."""
        return bool(self.content.changes) and self.content.changes[0].kind == RAW

    def set_path(self, path: str) -> None:
        """Set the path that an include gives it, and remember the one before."""
        self.has_own_path = True
        if path:
            self.other_paths, self.path = (*self.other_paths, self.path), path
