"""A check by a program: exit status 0 passes, 1 fails, everything else is no answer."""

from __future__ import annotations

from collections.abc import Sequence

from pg_migration_exporter.gate.check import Finding, failed, passed, unknown
from pg_migration_exporter.programs import run_program

#: Bytes of output, and characters of evidence.
_MAX_OUTPUT = 1 << 20
_MAX_EVIDENCE = 500


async def ask_command(command: Sequence[str], timeout: float) -> Finding:
    """Run it without a shell; its last line is the evidence. Raises TimeoutError."""
    try:
        printed, status = await run_program(command, timeout, _MAX_OUTPUT)
    except TimeoutError:  # before OSError, which it is one of
        raise
    except (OSError, ValueError) as error:
        return unknown(f"{command[0]} cannot be run: {getattr(error, 'strerror', error)}")
    if status is None:
        return unknown(f"{command[0]} printed more than {_MAX_OUTPUT} bytes")
    lines = printed.decode("utf-8", "replace").strip().splitlines() or [""]
    text = lines[-1][:_MAX_EVIDENCE] or f"{command[0]}: exit status {status}"
    if status == 0:
        return passed(text)
    return failed(text) if status == 1 else unknown(f"exit status {status}: {text}")
