"""`gate`: go, hold or abort, before, during and after a migration."""

from __future__ import annotations

import argparse
import asyncio
import logging
from pathlib import Path

from rich.console import Console

from pg_migration_exporter.cli.options import (
    add_settings_options,
    read_settings,
    read_target,
    read_url,
)
from pg_migration_exporter.config.schema import DEFAULT_TARGET
from pg_migration_exporter.config.value_types import parse_duration
from pg_migration_exporter.errors import ConfigError, UserError
from pg_migration_exporter.gate.formats import FORMATS
from pg_migration_exporter.gate.formats.table import lines
from pg_migration_exporter.gate.model import EXIT_CODES, GateReport
from pg_migration_exporter.gate.profile import read_profile
from pg_migration_exporter.gate.question import Question, refuse_unknown_checks
from pg_migration_exporter.gate.run import run_gate
from pg_migration_exporter.gate.subject import open_exporter, open_server

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
        _add_phase(phases.add_parser(phase, help=text))
    parser.set_defaults(run=run)


def _add_phase(parser: argparse.ArgumentParser) -> None:
    add_settings_options(parser)
    parser.add_argument(
        "--url", metavar="URL", help="ask a running exporter, such as http://localhost:9886"
    )
    parser.add_argument("--target", metavar="NAME", help="a target of the configuration or URL")
    parser.add_argument(
        "--profile", type=Path, metavar="FILE", help="what to expect of the server (YAML)"
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
        "--observe", type=_seconds, metavar="TIME", help="observe first; default: 15s for during"
    )
    parser.add_argument(
        "--wait", type=_seconds, default=0.0, metavar="TIME", help="ask again while it is hold"
    )
    parser.add_argument("--format", choices=tuple(FORMATS), default="table")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write to a file, and the table to the screen"
    )


def _seconds(text: str) -> float:
    """Read a duration such as 30s or 15m. Raises ArgumentTypeError."""
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    assert isinstance(found, float)
    return found


def run(options: argparse.Namespace) -> int:
    """Ask; return the exit code of the verdict. Raises UserError for what cannot be used."""
    if options.url and (options.config or options.dsn):
        raise UserError("--url: not together with --config or --dsn; name one of them")
    if options.output and not options.output.parent.is_dir():
        raise ConfigError(f"--output: {options.output}: there is no such folder; create it")
    question = Question(
        phase=options.phase,
        profile=read_profile(options.profile),
        fail_on=options.fail_on,
        unknown_holds=options.unknown == "hold",
        has_sql=not options.url,
    )
    # Failures are in the report; on the screen they would be in the way.
    logging.getLogger("pg_migration_exporter").addHandler(logging.NullHandler())
    report = asyncio.run(_ask(options, question))
    _write(report, options.format, options.output)
    return EXIT_CODES[report.verdict]


async def _ask(options: argparse.Namespace, question: Question) -> GateReport:
    observe = _OBSERVE[question.phase] if options.observe is None else options.observe
    if options.url:
        refuse_unknown_checks(question.profile, None)
        async with open_exporter(read_url(options), options.target) as exporter:
            return await run_gate(exporter, question, observe, options.wait)
    name = options.target = options.target or DEFAULT_TARGET
    refuse_unknown_checks(question.profile, {check.name for check in read_target(options).checks})
    async with open_server(read_settings(options), name) as server:
        return await run_gate(server, question, observe, options.wait)


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
