"""The report for a merge request or a change ticket."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pg_migration_exporter.formatting import clock, printable
from pg_migration_exporter.gate.model import Check, GateReport

#: What Markdown or HTML would obey in a cell.
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~<>@&])")


def as_markdown(report: GateReport) -> str:
    """Return the verdict, a table of the checks, and what was not asked."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: GateReport) -> Iterator[str]:
    yield f"## Gate {report.phase}: {report.verdict.upper()}"
    yield ""
    server = report.server
    version = f", PostgreSQL {server.version}" if server.version else ""
    yield _text(f"{report.target}, {server.address}{version}, {clock(report.started_at)} UTC")
    yield ""
    yield "| result | check | severity | evidence | what to do |"
    yield "|---|---|---|---|---|"
    for check in report.checks:
        yield _row(check)
    if report.not_asked:
        yield ""
        yield "Not asked:"
        yield ""
    for name, why in report.not_asked.items():
        yield f"- `{name}`: {_text(why)}"


def _row(check: Check) -> str:
    needs_work = check.result in {"fail", "unknown"}
    result = f"**{check.result}**" if needs_work else check.result
    remedy = _text(check.remedy) if needs_work else ""
    where = f" ({_text(check.datname)})" if check.datname else ""
    cells = (result, f"`{check.name}`{where}", check.severity, _text(check.evidence), remedy)
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", printable(text))
