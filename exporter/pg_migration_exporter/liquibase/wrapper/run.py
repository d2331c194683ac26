"""One wrapped run: start the command and report it.

A problem with the report is one line on standard error and never affects the run.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pg_migration_exporter.config.schema import Settings
from pg_migration_exporter.config.yaml_file import read_yaml, validate
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.liquibase.reports.report import Report
from pg_migration_exporter.liquibase.wrapper.child import Child
from pg_migration_exporter.liquibase.wrapper.connection_target import known_secrets, read_target
from pg_migration_exporter.liquibase.wrapper.log_file import LogFile, choose_log
from pg_migration_exporter.liquibase.wrapper.options import LiquibaseOptions, read_options
from pg_migration_exporter.liquibase.wrapper.reporter import Reporter
from pg_migration_exporter.liquibase.wrapper.sinks import configured_sinks
from pg_migration_exporter.log import redact

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


def run_wrapped(command: Sequence[str], config: Path | None) -> int:
    """Run `command`, report it, return its exit code. In the main thread, once in a process."""
    reporter: Reporter | None = None
    with _suppress_with_warning():
        reporter = _prepare(command, config)
    try:
        return _run(command, reporter)
    finally:
        if reporter is not None:
            reporter.close()


def _run(command: Sequence[str], reporter: Reporter | None) -> int:
    added = reporter.log.environment if reporter is not None else {}
    child = Child()
    try:
        pid = child.start(command, {**os.environ, **added})
    except OSError as error:
        _warn(f"{command[0]} cannot be run: {error.strerror}")
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
    if reporter is None:
        return child.wait()
    with _suppress_with_warning():
        reporter.start(pid)
    exit_code = child.wait()
    with _suppress_with_warning():
        if problems := reporter.finish(exit_code):
            _warn(f"the end of this run was not reported to {'; nor to '.join(problems)}")
    return exit_code


def _prepare(command: Sequence[str], config: Path | None) -> Reporter:
    if config is None:
        raise ConfigError("--config is missing: a file with the key `reports`")
    settings = validate(Settings, read_yaml(config), config)
    options = read_options(command, os.environ)
    sinks = list(configured_sinks(settings.reports, options))
    if not sinks:
        raise ConfigError(f"{config}: reports: set directory, table or endpoint.url")
    return Reporter(_new_report(options), _choose_log(options), sinks, _secret_filter(options))


def _choose_log(options: LiquibaseOptions) -> LogFile:
    try:
        return choose_log(options)
    except OSError as error:
        return LogFile(None, limitation=f"no details: no log file can be created: {error}")


def _new_report(options: LiquibaseOptions) -> Report:
    now = time.time()
    return Report(
        run_id=uuid.uuid4(),
        host=socket.gethostname(),
        pid=0,
        command=options.command,
        target=read_target(options),
        started=now,
        updated=now,
    )


def _secret_filter(options: LiquibaseOptions) -> Callable[[str], str]:
    secrets = known_secrets(options)

    def hide(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return redact(text)

    return hide


@contextlib.contextmanager
def _suppress_with_warning() -> Iterator[None]:
    """Print an error instead of raising it: the migration goes on without a report."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the migration goes on
        _warn(f"this run is not reported: {redact(str(error)) or type(error).__name__}")


def _warn(message: str) -> None:
    """Print one line to standard error, if it is still open."""
    with contextlib.suppress(OSError):
        if sys.stderr is not None:
            sys.stderr.write(f"pg-migration-exporter: {' '.join(message.split())}\n")
            sys.stderr.flush()
