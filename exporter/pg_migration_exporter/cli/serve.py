"""`serve`: serve the metrics and the status page."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import uvloop

from pg_migration_exporter import __version__
from pg_migration_exporter.cli.options import add_settings_options, read_settings
from pg_migration_exporter.config import Settings
from pg_migration_exporter.config.value_types import split_address
from pg_migration_exporter.engine.fleet import Fleet
from pg_migration_exporter.engine.reloader import Reloader
from pg_migration_exporter.engine.target_check import check_targets
from pg_migration_exporter.errors import ConfigError, ListenError
from pg_migration_exporter.formatting import count
from pg_migration_exporter.log import configure
from pg_migration_exporter.metrics.refusals import Refusals
from pg_migration_exporter.postgres.conninfo import describe_server
from pg_migration_exporter.web.app import create_app
from pg_migration_exporter.web.limits import Limits, limits_for, raise_file_limit
from pg_migration_exporter.web.server import Server
from pg_migration_exporter.web.tls import ListenerTls, listener_tls

log = logging.getLogger(__name__)

#: Connections that wait to be accepted; the kernel caps it (net.core.somaxconn).
_BACKLOG = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Serve /metrics for one PostgreSQL server, /probe for the configured targets, and the "
        "status page, until SIGTERM or Ctrl-C. SIGHUP reloads the configuration."
    )
    add_settings_options(parser)
    parser.add_argument("--listen", metavar="HOST:PORT", help="default: 127.0.0.1:9886")
    parser.add_argument(
        "--check-config",
        action="store_true",
        help="check the configuration and each server (version, grants, extensions, custom "
        "metrics, checks), then exit with 0 if all collectors can run, else 2",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve, or check the configuration."""
    read = partial(read_settings, options, listen=options.listen)
    settings = read()
    tls = listener_tls(settings.web.tls_server_config)
    if options.check_config:
        print(asyncio.run(check_targets(settings)))
        return 0
    configure(settings.log.level, settings.log.format)
    os.umask(0o077)  # state and reports are nobody else's business
    limits = limits_for(settings.web.max_connections, raise_file_limit())
    with _listen(settings.listen) as listener:
        # uvloop takes a third less CPU time for a scrape.
        uvloop.run(_serve(settings, read, listener, tls, limits))
    return 0


async def _serve(
    settings: Settings,
    read: Callable[[], Settings],
    listener: socket.socket,
    tls: ListenerTls | None,
    limits: Limits,
) -> None:
    fleet = Fleet(settings)
    reloader = Reloader(settings, read, fleet, tls.renewal if tls else None)
    refusals = Refusals()
    server = Server(create_app(fleet, reloader, refusals), tls, limits, refusals)
    log.info(
        "pg-migration-exporter %s serves %s://%s:%s/metrics for %s",
        __version__,
        "https" if tls else "http",
        *listener.getsockname()[:2],
        describe_server(fleet.default.settings.postgres)
        if fleet.default
        else count(len(fleet.targets), "target"),
    )
    _reload_on_hangup(reloader)
    # uvicorn shuts down on a signal, then raises it again for the previous handler.
    signal.signal(signal.SIGTERM, _exit)
    try:
        await server.serve_on(listener)
    finally:
        log.info("stopped")


def _reload_on_hangup(reloader: Reloader) -> None:
    """Reload on SIGHUP; errors of the configuration are logged."""
    running: set[asyncio.Task[None]] = set()

    async def reload() -> None:
        with suppress(ConfigError):
            await reloader.reload()

    def begin() -> None:
        task = asyncio.create_task(reload())
        running.add(task)
        task.add_done_callback(running.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, begin)


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
            "another process uses this address; stop it, or use another --listen"
            if error.errno == errno.EADDRINUSE
            else "use an address of this machine and a port that this user may open"
        )
        reason = os.strerror(error.errno) if error.errno else error
        raise ListenError(f"cannot listen on {address}: {reason}; {hint}") from error
