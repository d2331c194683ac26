"""`serve`: answer Prometheus until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import os
import signal
import socket

import uvloop

from pg_migration_exporter import __version__
from pg_migration_exporter.check import check_server
from pg_migration_exporter.cli.options import Subparsers, add_settings_options, read_settings
from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.types import split_address
from pg_migration_exporter.errors import ListenError
from pg_migration_exporter.log import configure
from pg_migration_exporter.plan import select_collectors
from pg_migration_exporter.postgres.conninfo import describe_server
from pg_migration_exporter.web.app import create_app
from pg_migration_exporter.web.server import Server

log = logging.getLogger(__name__)

_BACKLOG = 128


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "serve",
        help="serve /metrics",
        description="Serve /metrics for one PostgreSQL database until SIGTERM or Ctrl-C.",
    )
    add_settings_options(parser)
    parser.add_argument("--listen", metavar="HOST:PORT", help="default: 127.0.0.1:9886")
    parser.add_argument(
        "--check-config",
        action="store_true",
        help="check the configuration and, through it, the server: version, grants, extensions; "
        "then exit with 0 (all collectors can run) or 2",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve, or check the configuration."""
    settings = read_settings(options, listen=options.listen)
    collectors = select_collectors(settings)
    if options.check_config:
        print(asyncio.run(check_server(settings, collectors)))
        return 0
    configure(settings.log.level, settings.log.format)
    with _listen(settings.listen) as listener:
        # A scrape is many small turns of the event loop: uvloop takes a third off its CPU time.
        uvloop.run(_serve(settings, listener))
    return 0


async def _serve(settings: Settings, listener: socket.socket) -> None:
    server = Server(create_app(settings))
    log.info(
        "pg-migration-exporter %s serves http://%s:%s/metrics for %s",
        __version__,
        *listener.getsockname()[:2],
        describe_server(settings.postgres),
    )
    # uvicorn finishes its work on a signal, then raises it again for whoever handled it before.
    signal.signal(signal.SIGTERM, _exit)
    try:
        await server.serve_on(listener)
    finally:
        log.info("stopped")


def _exit(*_: object) -> None:
    raise SystemExit(0)


def _listen(address: str) -> socket.socket:
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host or not host else socket.AF_INET
    try:
        return socket.create_server(
            (host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=not host
        )
    except OSError as error:
        hint = (
            "another process listens there; use another --listen, or stop it"
            if error.errno == errno.EADDRINUSE
            else "choose an address of this machine and a port this user may use"
        )
        reason = os.strerror(error.errno) if error.errno else error
        raise ListenError(f"cannot listen on {address}: {reason}; {hint}") from error
