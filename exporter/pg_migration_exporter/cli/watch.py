"""`watch`: the status in a terminal."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal

from rich.console import Console
from rich.live import Live

from pg_migration_exporter.cli.options import (
    add_settings_options,
    read_settings,
    read_url,
)
from pg_migration_exporter.status.terminal import StatusView
from pg_migration_exporter.status.updates import OpenUpdates, from_database, from_exporter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Show the status of the migrations, live: from a running exporter (--url), or from the "
        "database over two connections. Ctrl-C ends it. Without a terminal, it is printed once."
    )
    add_settings_options(parser)
    parser.add_argument(
        "--url", metavar="URL", help="URL of an exporter, such as http://localhost:9886"
    )
    parser.add_argument("--target", metavar="NAME", help="show only this target")
    parser.add_argument("--once", action="store_true", help="print the status once and exit")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print each status as one line of JSON",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show the status until interrupted. Raises UserError if the first request fails."""
    open_updates = (
        from_exporter(read_url(options), options.target)
        if options.url
        else from_database(read_settings(options), options.target)
    )
    # The status contains these messages; on the screen they would be in the way.
    logging.getLogger("pg_migration_exporter").addHandler(logging.NullHandler())
    if options.json:
        asyncio.run(_print_json(open_updates, once=options.once))
    elif options.once or not Console().is_terminal:
        asyncio.run(_print_once(open_updates))
    else:
        asyncio.run(_show(open_updates))
    return 0


async def _print_json(open_updates: OpenUpdates, *, once: bool) -> None:
    async with open_updates() as updates:
        async for update in updates:
            print(update.status.model_dump_json(), flush=True)
            if once:
                return


async def _print_once(open_updates: OpenUpdates) -> None:
    async with open_updates() as updates:
        update = await anext(updates)
        Console(highlight=False).print(StatusView(update.status))


async def _show(open_updates: OpenUpdates) -> None:
    """Fill the screen, and redraw it when the terminal is resized."""
    for exported in ("COLUMNS", "LINES"):  # rich would use these instead of the terminal's size
        os.environ.pop(exported, None)
    console = Console(highlight=False)
    async with open_updates() as updates:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, live.refresh)
            async for update in updates:
                view = StatusView(update.status, update.problem, fits=True)
                live.update(view, refresh=True)
