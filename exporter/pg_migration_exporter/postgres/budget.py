"""How much a server may send for one statement.

libpq keeps an answer in memory until it is complete, so what arrives is counted meanwhile. Our own
statements cut lengths and limit rows; a user's statement, an error message of a server's function
or a server that streams without end does not.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import termios
from collections.abc import Generator
from typing import TypeVar

from pg_migration_exporter.errors import UnfitAnswerError

#: Bytes of one answer; a statement whose answer is larger is canceled, and fails.
MAX_BYTES = 16 * 2**20
#: Bytes after which the connection is closed: what was on its way when the statement was canceled
#: is usually less, but for a single value that is as large.
HOPELESS_BYTES = 2 * MAX_BYTES
#: Rows of one answer that are made Python values, at most.
MAX_ROWS = 100_000

#: The size of libpq's buffer before a message is larger (fe-connect.c).
_LIBPQ_BUFFER = 16 * 2**10
_KERNEL_BUFFER = 128 * 2**10
#: Up to tcpi_bytes_received, which ends there (linux/tcp.h).
_TCP_INFO_SIZE = 136

_Sent = TypeVar("_Sent")
_Received = TypeVar("_Received")
_Result = TypeVar("_Result")


class AnswerTooLargeError(UnfitAnswerError):
    """The answer to a statement is larger than the exporter keeps."""


def too_many_bytes() -> AnswerTooLargeError:
    """Return the error of an answer beyond `MAX_BYTES`."""
    return AnswerTooLargeError(
        f"the answer is larger than {MAX_BYTES // 2**20} MiB: let the statement return less"
    )


class ReceivedBytes:
    """The bytes of the answer that libpq reads from a socket: `expect`, read, `count`.

    libpq does not tell. One read goes on as long as something arrives (pqReadData), so the kernel
    is told to keep little.
    """

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=os.dup(descriptor))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BUFFER)
        self._is_tcp = self._socket.family != socket.AF_UNIX and hasattr(socket, "TCP_INFO")
        self._waiting_before = self._number = 0
        self._total = self._arrived() if self._is_tcp else 0

    def close(self) -> None:
        """Stop counting; before the connection is closed, which stays open otherwise."""
        self._socket.close()

    def expect(self) -> None:
        """Prepare for a read."""
        if not self._is_tcp:
            self._waiting_before = self._waiting()

    def count(self) -> None:
        """Count what was read since `expect`.

        Of a local socket, what waited before and no longer does; at least libpq's buffer.
        """
        if self._is_tcp:
            total = self._arrived()
            self._number += total - self._total
            self._total = total
        else:
            before = self._waiting_before
            self._number += max(before - self._waiting(), min(before, _LIBPQ_BUFFER))

    def _arrived(self) -> int:
        """Return the bytes that ever arrived (tcp_info.tcpi_bytes_received of Linux)."""
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
        return int.from_bytes(info[_TCP_INFO_SIZE - 8 :], sys.byteorder)

    def _waiting(self) -> int:
        answer = fcntl.ioctl(self._socket, termios.FIONREAD, bytes(4))
        return int.from_bytes(answer, sys.byteorder)

    def begin_next(self) -> None:
        """Begin the next answer."""
        self._number = 0

    @property
    def are_too_many(self) -> bool:
        """Whether the answer is larger than allowed."""
        return self._number > MAX_BYTES

    @property
    def are_hopeless(self) -> bool:
        """Whether it goes on although its statement was canceled."""
        return self._number > HOPELESS_BYTES


def limited(
    waiting: Generator[_Sent, _Received, _Result], descriptor: int
) -> Generator[_Sent, _Received, _Result]:
    """Do what a generator of psycopg does; raise AnswerTooLargeError once too much was received."""
    received = ReceivedBytes(descriptor)
    try:
        state = next(waiting)
        while True:
            ready = yield state
            received.expect()
            state = waiting.send(ready)
            received.count()
            if received.are_too_many:
                raise too_many_bytes()
    except StopIteration as done:
        result: _Result = done.value
        return result
    finally:
        received.close()
