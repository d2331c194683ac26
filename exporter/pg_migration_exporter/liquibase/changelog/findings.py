"""Findings of the reader, and the exceptions that carry one while a file is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding restricts the result."""

    #: The expected changesets are not known: Liquibase would refuse the changelog, or they depend
    #: on something that the reader cannot read.
    ERROR = "error"
    #: The result holds under a condition that the finding names.
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One error or uncertainty: what, where, and what to do about it.

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
    """Return a finding that makes the result incomplete."""
    return Finding(Severity.ERROR, summary, advice, line=line)


def warning(summary: str, advice: str, line: int | None = None) -> Finding:
    """Return a finding that names a condition of the result."""
    return Finding(Severity.WARNING, summary, advice, line=line)


class RefusalError(Exception):
    """Internal: reading stops here, for the reason in `finding`. Never leaves the package."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.summary)
        self.finding = finding


class StopError(RefusalError):
    """Internal: reading as a whole stops here, because a limit is exceeded."""


def refusal(summary: str, advice: str, line: int | None = None) -> RefusalError:
    """Return the exception that stops reading with an error finding."""
    return RefusalError(error(summary, advice, line))
