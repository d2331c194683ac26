"""Runs programs that the user names: without a shell and input, bounded in time and output."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

#: Seconds to wait for a program that was killed.
_END_TIMEOUT = 5.0
_CHUNK = 1 << 16


class Ended(NamedTuple):
    """What a program printed on standard output, and its exit status.

    The status is None if it printed more than the limit, and was ended; negative for a signal.
    """

    printed: bytes
    status: int | None


async def run_program(command: Sequence[str], timeout: float, limit: int) -> Ended:
    """Run a program for at most `timeout` seconds; `limit` is in bytes.

    Raises OSError if it cannot be run, and TimeoutError. It and its children do not outlive this.
    """
    process = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, start_new_session=True
    )
    try:
        async with asyncio.timeout(timeout):
            printed = await _read(process, limit)
            return Ended(printed, await process.wait() if len(printed) <= limit else None)
    finally:
        await _end(process)


async def _read(process: Process, limit: int) -> bytes:
    """Read its output, at most a little more than allowed."""
    assert process.stdout is not None
    printed = b""
    while len(printed) <= limit and (chunk := await process.stdout.read(limit)):
        printed += chunk
    return printed


async def _end(process: Process) -> None:
    """Kill it and its child processes, unless it has ended.

    asyncio waits for the end of the output too, which is not read any further while its buffer is
    full; a process that has left the group may keep it open.
    """
    assert process.stdout is not None
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_TIMEOUT):
            while await process.stdout.read(_CHUNK):
                pass
            await process.wait()
