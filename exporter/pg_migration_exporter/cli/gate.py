"""`gate`: go, hold or abort, before, during and after a migration."""

from __future__ import annotations

import argparse
import asyncio
import logging
from pathlib import Path

from rich.console import Console

from pg_migration_exporter.cli.gate_options import (
    add_subject_options,
    open_subject,
    prometheus_url,
    seconds,
)
from pg_migration_exporter.cli.options import (
    add_settings_options,
    add_target_option,
    read_target,
)
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.gate.expect.snapshot import take_snapshot
from pg_migration_exporter.gate.formats import FORMATS
from pg_migration_exporter.gate.formats.table import lines
from pg_migration_exporter.gate.formats.textfile import write_textfile
from pg_migration_exporter.gate.model import EXIT_CODES, GateReport
from pg_migration_exporter.gate.profile import read_profile
from pg_migration_exporter.gate.question import Question, check_names
from pg_migration_exporter.gate.run import run_gate

#: Seconds of observation, if not given: what is measured must persist before it means abort.
_OBSERVE = {"pre": 0.0, "during": 15.0, "post": 0.0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Say go, hold or abort, by the verdict, the checks of the configuration and built-in "
        "checks (docs/gate.md). Exit code 0 is go, 1 abort, 2 cannot be used as given, 3 hold or "
        "no answer."
    )
    phases = parser.add_subparsers(dest="phase", metavar="PHASE", required=True)
    helps = {
        "pre": "may the migration start?",
        "during": "may it go on?",
        "post": "did it work?",
    }
    for phase, text in helps.items():
        _add_phase(phases.add_parser(phase, help=text), phase)
    _add_snapshot(
        phases.add_parser("snapshot", help="write what a schema looks like, for --expect")
    )


def _add_snapshot(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Print the columns, indexes, constraints, triggers and grants of a schema as YAML: after a "
        "rehearsal, it is what `gate post --expect` compares production with."
    )
    add_settings_options(parser)
    add_target_option(parser)
    parser.add_argument("--schema", required=True, metavar="NAME")
    parser.set_defaults(run=run_snapshot)


def _add_phase(parser: argparse.ArgumentParser, phase: str) -> None:
    parser.set_defaults(run=run, expect=None)
    add_subject_options(parser)
    parser.add_argument(
        "--profile", type=Path, metavar="FILE", help="what to expect of the server (YAML)"
    )
    parser.add_argument(
        "--prometheus", metavar="URL", help="for checks of the profile that have promql"
    )
    if phase == "post":
        parser.add_argument(
            "--expect", type=Path, metavar="FILE", help="what `gate snapshot` wrote (YAML)"
        )
    parser.add_argument(
        "--fail-on",
        choices=("critical", "warning"),
        default="critical",
        help="the least severity that counts; default: critical",
    )
    parser.add_argument(
        "--unknown",
        choices=("hold", "pass"),
        default="hold",
        help="what a check without an answer means; default: hold",
    )
    parser.add_argument(
        "--observe", type=seconds, metavar="TIME", help="observe first; default: 15s for during"
    )
    parser.add_argument(
        "--wait", type=seconds, default=0.0, metavar="TIME", help="ask again while it is hold"
    )
    parser.add_argument("--format", choices=tuple(FORMATS), default="table")
    parser.add_argument(
        "--textfile",
        type=Path,
        metavar="FILE",
        help="also write metrics, for the textfile collector of node_exporter (.prom)",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write to a file, and the table to the screen"
    )


def run_snapshot(options: argparse.Namespace) -> int:
    """Print the expectation. Raises UserError if the schema cannot be read."""
    print(asyncio.run(take_snapshot(read_target(options), options.schema)), end="")
    return 0


def run(options: argparse.Namespace) -> int:
    """Ask; return the exit code of the verdict. Raises UserError for what cannot be used."""
    for option in ("output", "textfile"):
        file: Path | None = getattr(options, option)
        if file and not file.parent.is_dir():
            raise ConfigError(f"--{option}: {file}: there is no such folder; create it")
    question = Question(
        phase=options.phase,
        profile=read_profile(options.profile, options.expect, prometheus_url(options)),
        fail_on=options.fail_on,
        unknown_holds=options.unknown == "hold",
        has_sql=not options.url,
    )
    # Failures are in the report; on the screen they would be in the way.
    logging.getLogger("pg_migration_exporter").addHandler(logging.NullHandler())
    report = asyncio.run(_ask(options, question))
    _write(report, options.format, options.output)
    if options.textfile:
        write_textfile(report, options.textfile)
    return EXIT_CODES[report.verdict]


async def _ask(options: argparse.Namespace, question: Question) -> GateReport:
    observe = _OBSERVE[question.phase] if options.observe is None else options.observe
    async with open_subject(options) as subject:
        checks = None if options.url else {check.name for check in read_target(options).checks}
        check_names(question.profile, checks)
        return await run_gate(subject, question, observe, options.wait)


def _write(report: GateReport, form: str, output: Path | None) -> None:
    """Print the report; or write it to a file, and print the table."""
    if output is not None:
        try:
            output.write_text(FORMATS[form](report), encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"--output: {output}: {error.strerror}") from error
    if output is None and form != "table":
        print(FORMATS[form](report), end="")
        return
    console = Console(highlight=False, soft_wrap=True)
    for line in lines(report):
        console.print(line)
