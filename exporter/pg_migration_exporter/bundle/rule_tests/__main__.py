"""Write promtool's unit tests of the rules: `python -m pg_migration_exporter.bundle.rule_tests`."""

from __future__ import annotations

import argparse
from pathlib import Path

from pg_migration_exporter.bundle.rule_tests.promtool_files import promtool_files
from pg_migration_exporter.bundle.values import load_values


def main() -> None:
    """Write a file for each group; files of groups that are gone are removed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--values", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="alerts/tests")
    options = parser.parse_args()
    files = promtool_files(load_values(*options.values))
    options.out.mkdir(parents=True, exist_ok=True)
    for stale in {path.name for path in options.out.glob("*.yaml")} - files.keys():
        (options.out / stale).unlink()
    for name, text in files.items():
        (options.out / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
