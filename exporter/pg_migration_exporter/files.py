"""Reads files that others name: only regular ones, of a limited size."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_regular_file(path: Path, limit: int) -> bytes:
    """Return the content. Raises OSError, also for a longer file than `limit` bytes.

    A pipe is not even opened: that could wait for ever, and its writer would lose what it wrote.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise _not_regular()
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _not_regular()
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"longer than {limit} bytes")
    return content


def _not_regular() -> OSError:
    return OSError(errno.EINVAL, "not a regular file")
