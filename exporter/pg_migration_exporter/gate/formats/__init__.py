"""The formats of the report, by the name of `--format`."""

from collections.abc import Callable, Mapping

from pg_migration_exporter.gate.formats.junit import as_junit
from pg_migration_exporter.gate.formats.markdown import as_markdown
from pg_migration_exporter.gate.formats.table import as_table
from pg_migration_exporter.gate.model import GateReport


def _as_json(report: GateReport) -> str:
    return report.model_dump_json(indent=2) + "\n"


#: Each of them ends with a line feed.
FORMATS: Mapping[str, Callable[[GateReport], str]] = {
    "table": as_table,
    "json": _as_json,
    "junit": as_junit,
    "markdown": as_markdown,
}
