"""What a changelog asks for: expected changesets, or findings that say why nobody can tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding takes away from the answer."""

    #: The expected changesets are not known: Liquibase would refuse the changelog, or what decides
    #: it is out of the reader's sight.
    ERROR = "error"
    #: The answer holds under a condition that the finding names.
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or uncertain: what, where, and what to do about it.

    `file` is relative to the search path, as Liquibase names it; `line` counts from 1.
    """

    severity: Severity
    summary: str
    advice: str
    file: str | None = None
    line: int | None = None

    def in_file(self, file: str) -> Finding:
        """Return the same finding, placed in `file` unless it already names one."""
        return self if self.file is not None else replace(self, file=file)


def error(summary: str, advice: str, line: int | None = None) -> Finding:
    """Return a finding that makes the answer incomplete."""
    return Finding(Severity.ERROR, summary, advice, line=line)


def warning(summary: str, advice: str, line: int | None = None) -> Finding:
    """Return a finding that names a condition of the answer."""
    return Finding(Severity.WARNING, summary, advice, line=line)


class RefusalError(Exception):
    """Internal: reading stops here, for the reason in `finding`. Never leaves the package."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.summary)
        self.finding = finding


class StopError(RefusalError):
    """Internal: reading as a whole stops here, because it exceeds a bound."""


def refusal(summary: str, advice: str, line: int | None = None) -> RefusalError:
    """Return the exception that stops reading with an error finding."""
    return RefusalError(error(summary, advice, line))


#: Spellings of `validCheckSum` that accept whatever the history holds.
ANY_CHECKSUM = frozenset({"1:any", "1:all", "1:*"})


@dataclass(frozen=True, slots=True)
class ExpectedChangeset:
    """One changeset that Liquibase would run, or has run, with the given contexts and labels."""

    path: str
    id: str
    author: str
    #: Where it is written: relative to the search path, lines from 1.
    file: str
    line: int
    #: Liquibase's version 9 checksum ("9:<md5>"), None where only Liquibase can compute it.
    checksum: str | None = None
    #: Further checksums that the changelog accepts (`validCheckSum`).
    valid_checksums: tuple[str, ...] = ()
    run_always: bool = False
    run_on_change: bool = False
    #: A failed precondition or statement may leave it without a row while the run succeeds
    #: (`onFail="CONTINUE"`, `failOnError="false"`), so it can stay pending for ever.
    may_leave_no_row: bool = False
    #: Expressions that must all hold: its own, then those of the changelogs around it.
    contexts: tuple[str, ...] = ()
    #: Its own labels, then those of the includes around it.
    labels: tuple[str, ...] = ()
    #: Other paths under which the history may hold it, depending on what ran it first.
    other_paths: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """`path::id::author`, as Liquibase prints it."""
        return f"{self.path}::{self.id}::{self.author}"

    def accepts(self, stored: str | None) -> bool | None:
        """Tell whether Liquibase accepts the MD5SUM `stored` in the history; None: not known.

        Liquibase 4.28, ChangeSet.isCheckSumValid.
        """
        if stored is None or ANY_CHECKSUM & {accepted.lower() for accepted in self.valid_checksums}:
            return True
        if stored in self.valid_checksums:
            return True
        if self.checksum is None or not stored.startswith("9:"):
            return None
        return stored == self.checksum or self.checksum in self.valid_checksums


@dataclass(frozen=True, slots=True)
class Changelog:
    """The answer for one changelog file: whole, or empty with the findings that say why."""

    file: str
    #: In the order of execution; empty unless `complete`.
    changesets: tuple[ExpectedChangeset, ...]
    findings: tuple[Finding, ...]

    @property
    def complete(self) -> bool:
        """Whether `changesets` is what Liquibase would work on; a part is never presented."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)
