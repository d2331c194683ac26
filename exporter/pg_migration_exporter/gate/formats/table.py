"""The report as lines for a terminal or the log of a pipeline."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from pg_migration_exporter.formatting import count, duration, printable
from pg_migration_exporter.gate.model import Check, GateReport, Result
from pg_migration_exporter.status.model import VerdictName

STYLES: dict[VerdictName, str] = {"go": "bold green", "hold": "bold yellow", "abort": "bold red"}
_RESULT_STYLES: dict[Result, str] = {
    "pass": "green",
    "fail": "red",
    "unknown": "yellow",
    "waived": "cyan",
}


def as_table(report: GateReport) -> str:
    """Return the report without colors."""
    return "".join(f"{line.plain}\n" for line in lines(report))


def lines(report: GateReport) -> Iterator[Text]:
    """Yield a line for each check; below one that does not pass, what to do."""
    yield _headline(report)
    width = max((len(check.name) for check in report.checks), default=0)
    for check in report.checks:
        yield from _check(check, width)
    if report.not_asked:
        yield Text("not asked:")
    for name, why in report.not_asked.items():
        yield Text(f"  {name}: {printable(why)}")


def _headline(report: GateReport) -> Text:
    server = report.server
    found = " ".join(filter(None, (server.version and f"PostgreSQL {server.version}", server.role)))
    return Text.assemble(
        (report.verdict.upper(), STYLES[report.verdict]),
        f" {report.phase}: {printable(report.target)}, {printable(server.address)}",
        f", {printable(found)}" if found else "",
        f", {count(len(report.checks), 'check')} in {duration(report.duration_seconds)}",
    )


def _check(check: Check, width: int) -> Iterator[Text]:
    where = f" [{printable(check.datname)}]" if check.datname else ""
    yield Text.assemble(
        "  ",
        (f"{check.result:<7}", _RESULT_STYLES[check.result]),
        f" {check.severity:<8} {check.name:<{width}}{where} {printable(check.evidence)}",
    )
    if check.result in {"fail", "unknown"}:
        runbook = f" Runbook: {check.runbook}" if check.runbook else ""
        yield Text(f"          {printable(check.summary)} {printable(check.remedy)}{runbook}")
