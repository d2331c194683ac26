"""One wrapped run: the command, and beside it everything that makes its report.

Whatever goes wrong with the report costs one line on standard error, never the run.
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
from pg_migration_exporter.liquibase.wrapper.logfile import LogFile, choose_log
from pg_migration_exporter.liquibase.wrapper.options import LiquibaseOptions, read_options
from pg_migration_exporter.liquibase.wrapper.reporter import Reporter
from pg_migration_exporter.liquibase.wrapper.sinks import configured_sinks
from pg_migration_exporter.log import redact

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


def run_wrapped(command: Sequence[str], config: Path | None) -> int:
    """Run `command` and report it; its exit code. For the main thread, once in a process."""
    reporter: Reporter | None = None
    with _harmless():
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
        _say(f"{command[0]} cannot be run: {error.strerror}")
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
    if reporter is None:
        return child.wait()
    with _harmless():
        reporter.start(pid)
    exit_code = child.wait()
    with _harmless():
        if problems := reporter.finish(exit_code):
            _say(f"the end of this run was not reported to {'; nor to '.join(problems)}")
    return exit_code


def _prepare(command: Sequence[str], config: Path | None) -> Reporter:
    if config is None:
        raise ConfigError("--config is missing: a file that says where to, under `reports`")
    settings = validate(Settings, read_yaml(config), config)
    given = read_options(command, os.environ)
    sinks = list(configured_sinks(settings.reports, given))
    if not sinks:
        raise ConfigError(f"{config}: reports: neither directory, table nor endpoint.url is set")
    return Reporter(_new_report(given), _choose_log(given), sinks, _hider(given))


def _choose_log(given: LiquibaseOptions) -> LogFile:
    try:
        return choose_log(given)
    except OSError as error:
        return LogFile(None, limitation=f"no details: no log file can be made: {error}")


def _new_report(given: LiquibaseOptions) -> Report:
    now = time.time()
    return Report(
        run_id=uuid.uuid4(),
        host=socket.gethostname(),
        pid=0,
        command=given.command,
        target=read_target(given),
        started=now,
        updated=now,
    )


def _hider(given: LiquibaseOptions) -> Callable[[str], str]:
    secrets = known_secrets(given)

    def hide(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return redact(text)

    return hide


@contextlib.contextmanager
def _harmless() -> Iterator[None]:
    """What goes wrong inside is said, and forgotten."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, the migration goes on
        _say(f"this run is not reported: {redact(str(error)) or type(error).__name__}")


def _say(message: str) -> None:
    """One line on standard error, if that is still there."""
    with contextlib.suppress(OSError):
        if sys.stderr is not None:
            sys.stderr.write(f"pg-migration-exporter: {' '.join(message.split())}\n")
            sys.stderr.flush()
