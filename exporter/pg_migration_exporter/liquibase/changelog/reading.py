"""One reading of a changelog: what was asked, and what everything that takes part shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from .model import Finding, Severity, StopError, error
from .rules import Rules
from .sources import Located, Sources
from .statements import ChangelogFile

#: More findings than anybody reads are a hostile file's.
MOST_FINDINGS = 1000


@dataclass(frozen=True, slots=True)
class Query:
    """What decides the answer beside the files."""

    #: `--contexts`, split.
    contexts: tuple[str, ...]
    #: `--label-filter`, split at its commas.
    labels: tuple[str, ...]
    rules: Rules
    #: Properties given to Liquibase from outside.
    properties: tuple[tuple[str, str], ...] = ()
    #: Of SQL files without a byte order mark.
    encoding: str = "utf-8"


@dataclass(slots=True)
class FileReading:
    """The query, the files, and the findings so far."""

    query: Query
    sources: Sources
    #: Returns what a file says, from the cache where it has not changed.
    parse: Callable[[Located, str], ChangelogFile]
    findings: list[Finding] = field(default_factory=list)
    _reported: set[str] = field(default_factory=set)

    def report(self, finding: Finding, file: str, line: int | None = None) -> None:
        """Keep a finding, placed in `file` and, if it has no line of its own, at `line`."""
        if len(self.findings) >= MOST_FINDINGS:
            if finding.severity is Severity.WARNING:
                return
            summary = "There are too many findings; the rest is left out."
            raise StopError(error(summary, "Start with the first."))
        placed = finding.in_file(file)
        self.findings.append(placed if placed.line else replace(placed, line=line))

    def report_once(self, topic: str, finding: Finding, file: str) -> None:
        """Keep a finding unless one on the same topic was kept before."""
        if topic not in self._reported:
            self._reported.add(topic)
            self.report(finding, file)
