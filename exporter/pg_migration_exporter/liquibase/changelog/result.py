"""The result of reading a changelog: the expected changesets, or findings that say why not."""

from __future__ import annotations

from dataclasses import dataclass

from .findings import Finding, Severity

#: Values of `validCheckSum` that accept every stored checksum.
ANY_CHECKSUM = frozenset({"1:any", "1:all", "1:*"})


@dataclass(frozen=True, slots=True)
class ExpectedChangeset:
    """One changeset that Liquibase would run, or has run, with the given contexts and labels."""

    path: str
    id: str
    author: str
    #: Where it is defined: relative to the search path, lines from 1.
    file: str
    line: int
    #: Liquibase's version 9 checksum ("9:<md5>"), None where only Liquibase can compute it.
    checksum: str | None = None
    #: Further checksums that the changelog accepts (`validCheckSum`).
    valid_checksums: tuple[str, ...] = ()
    run_always: bool = False
    run_on_change: bool = False
    #: A failed precondition or statement may leave it without a row while the run succeeds
    #: (`onFail="CONTINUE"`, `failOnError="false"`), so it can stay pending forever.
    may_leave_no_row: bool = False
    #: Expressions that must all hold: its own, then those of the including changelogs.
    contexts: tuple[str, ...] = ()
    #: Its own labels, then those of the includes that lead to it.
    labels: tuple[str, ...] = ()
    #: Other paths under which the history may hold it, depending on the version that ran it first.
    other_paths: tuple[str, ...] = ()
    #: Whether it certainly writes when it runs, so that its transaction gets an id.
    writes: bool = False
    #: Its version 8 checksum, which Liquibase before 4.22 records, None where it is not known.
    old_checksum: str | None = None
    #: A digest of its changes, where only Liquibase can compute the checksum.
    fingerprint: str = ""

    @property
    def identity(self) -> str:
        """`path::id::author`, as Liquibase prints it."""
        return f"{self.path}::{self.id}::{self.author}"

    @property
    def identities(self) -> tuple[str, ...]:
        """Every identity under which the history may record it."""
        others = (f"{path}::{self.id}::{self.author}" for path in self.other_paths)
        return (self.identity, *others)

    def accepts(self, stored: str | None) -> bool | None:
        """Return whether Liquibase accepts the MD5SUM `stored` in the history; None if unknown.

        Liquibase 4.28, ChangeSet.isCheckSumValid.
        """
        if stored is None or ANY_CHECKSUM & {accepted.lower() for accepted in self.valid_checksums}:
            return True
        if stored in self.valid_checksums:
            return True
        computed = {"9:": self.checksum, "8:": self.old_checksum}.get(stored[:2])
        if computed is None:
            return None
        return stored == computed or computed in self.valid_checksums


@dataclass(frozen=True, slots=True)
class Changelog:
    """The result for one changelog file: complete, or empty with findings that say why."""

    file: str
    #: In the order of execution; empty unless `complete`.
    changesets: tuple[ExpectedChangeset, ...]
    findings: tuple[Finding, ...]
    #: Identities (path::id::author) of changesets that are in the files but not expected: contexts,
    #: labels, dbms or ignore leave them out.
    left_out: frozenset[str] = frozenset()
    #: The identities of each root changelog, if it combines several.
    roots: tuple[frozenset[str], ...] = ()
    #: When the newest of its files was modified, in seconds since the epoch.
    modified_at: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether `changesets` is what Liquibase would expect; a part is never returned."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)
