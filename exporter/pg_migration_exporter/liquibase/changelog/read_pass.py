"""One pass over a changelog under the rules of one Liquibase version: options and findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from .findings import Finding, Severity, StopError, error
from .search_path import LocatedFile, SearchPath
from .statements import ChangelogFile
from .version_rules import VersionRules

#: Reading stops at this number: no person reads more, and a hostile file could make many.
MAX_FINDINGS = 1000


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Everything apart from the files that decides the result."""

    #: `--contexts`, split.
    contexts: tuple[str, ...]
    #: `--label-filter`, split at its commas.
    labels: tuple[str, ...]
    rules: VersionRules
    #: Properties that are given to Liquibase from outside.
    properties: tuple[tuple[str, str], ...] = ()
    #: Encoding of SQL files without a byte order mark.
    encoding: str = "utf-8"


@dataclass(slots=True)
class ReadPass:
    """The options, the files and the findings that all steps of one pass share."""

    options: ReadOptions
    search_path: SearchPath
    #: Parses a file, or returns it from the cache if it has not changed.
    parse: Callable[[LocatedFile, str], ChangelogFile]
    findings: list[Finding] = field(default_factory=list)
    _reported: set[str] = field(default_factory=set)

    def report(self, finding: Finding, file: str, line: int | None = None) -> None:
        """Add a finding, placed in `file` and, if it has no line of its own, at `line`."""
        if len(self.findings) >= MAX_FINDINGS:
            if finding.severity is Severity.WARNING:
                return
            summary = "There are too many findings; the rest is left out."
            raise StopError(error(summary, "Start with the first."))
        placed = finding.in_file(file)
        self.findings.append(placed if placed.line else replace(placed, line=line))

    def report_once(self, topic: str, finding: Finding, file: str) -> None:
        """Add a finding unless one on the same topic has been added before."""
        if topic not in self._reported:
            self._reported.add(topic)
            self.report(finding, file)
