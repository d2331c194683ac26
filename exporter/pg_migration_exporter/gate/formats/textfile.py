"""The report as metrics, for the textfile collector of node_exporter."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.gate.model import GateReport
from pg_migration_exporter.metrics.exposition import PROMETHEUS, Renderer
from pg_migration_exporter.metrics.families import Family, FamilySamples
from pg_migration_exporter.status.model import VERDICTS

_RUN = ("target", "phase")
VERDICT = Family(
    "migration_gate_verdict",
    "gauge",
    "1 for what the gate said last, 0 for the others.",
    (*_RUN, "verdict"),
)
CHECK = Family(
    "migration_gate_check",
    "gauge",
    "1 for the result (pass, fail, unknown, waived) of each check that the gate asked last.",
    (*_RUN, "check", "datname", "severity", "result"),
)
TIMESTAMP = Family(
    "migration_gate_timestamp_seconds", "gauge", "When the gate began to ask last.", _RUN
)
DURATION = Family("migration_gate_duration_seconds", "gauge", "How long the gate asked last.", _RUN)
FAMILIES = (VERDICT, CHECK, TIMESTAMP, DURATION)


def write_textfile(report: GateReport, file: Path) -> None:
    """Replace the file at once, so that nobody reads half of it. Raises ConfigError."""
    text = Renderer().render(_families(report), PROMETHEUS)
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as new:
            new.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except OSError as error:
        raise ConfigError(f"--textfile: {file}: {error.strerror}") from error


def _families(report: GateReport) -> Iterator[FamilySamples]:
    run = (report.target, report.phase)
    verdicts, checks = FamilySamples(VERDICT), FamilySamples(CHECK)
    for verdict in VERDICTS:
        verdicts.add(int(verdict == report.verdict), *run, verdict)
    for check in report.checks:
        checks.add(1, *run, check.name, check.datname, check.severity, check.result)
    yield from (verdicts, checks)
    yield FamilySamples(TIMESTAMP, [(run, report.started_at)])
    yield FamilySamples(DURATION, [(run, report.duration_seconds)])
