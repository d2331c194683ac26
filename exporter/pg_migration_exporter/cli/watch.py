"""`watch`: the status page in a terminal."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal

from rich.console import Console
from rich.live import Live

from pg_migration_exporter.cli.options import (
    Subparsers,
    add_settings_options,
    read_settings,
    read_url,
)
from pg_migration_exporter.status.source import Source, database, exporter
from pg_migration_exporter.status.terminal import StatusView


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "watch",
        help="show the status page in this terminal",
        description="Show how the migrations are, live: from a running exporter (--url), or from "
        "the database itself over two connections. Ctrl-C ends it. Where the output is no "
        "terminal, it is printed once.",
    )
    add_settings_options(parser)
    parser.add_argument("--url", metavar="URL", help="of an exporter, http://localhost:9886")
    parser.add_argument("--target", metavar="NAME", help="the only one to show, of several")
    parser.add_argument("--once", action="store_true", help="print it once and end")
    parser.add_argument(
        "--json", action="store_true", help="print /api/v1/status, a line for each look"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Watch until told to stop. Raises UserError where there is nothing to see."""
    source = (
        exporter(read_url(options), options.target)
        if options.url
        else database(read_settings(options), options.target)
    )
    # What would be logged is in the status; the screen is not the place for it.
    logging.getLogger("pg_migration_exporter").addHandler(logging.NullHandler())
    if options.json:
        asyncio.run(_print_json(source, once=options.once))
    elif options.once or not Console().is_terminal:
        asyncio.run(_print_once(source))
    else:
        asyncio.run(_show(source))
    return 0


async def _print_json(source: Source, *, once: bool) -> None:
    async with source() as looks:
        async for status, _ in looks:
            print(status.model_dump_json(), flush=True)
            if once:
                return


async def _print_once(source: Source) -> None:
    async with source() as looks:
        status, _ = await anext(looks)
        Console(highlight=False).print(StatusView(status))


async def _show(source: Source) -> None:
    """Fill the screen; a new size of the terminal is used at once."""
    for exported in ("COLUMNS", "LINES"):  # of the shell's start: rich would never look again
        os.environ.pop(exported, None)
    console = Console(highlight=False)
    async with source() as looks:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, live.refresh)
            async for status, problem in looks:
                live.update(StatusView(status, problem, fits=True), refresh=True)
