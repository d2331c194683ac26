"""The entry point of the command line."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from pg_migration_exporter.cli.commands import build_parser
from pg_migration_exporter.errors import UserError
from pg_migration_exporter.formatting import printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; a UserError is printed and returns 2."""
    options = build_parser().parse_args(arguments)
    try:
        code = int(options.run(options))
        print(end="", flush=True)
        return code
    except UserError as error:
        lines = "\n".join(map(printable, str(error).split("\n")))
        print(f"pg-migration-exporter: {lines}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:  # the reader has closed the pipe, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
