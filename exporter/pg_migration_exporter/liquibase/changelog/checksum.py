"""Liquibase's checksums, version 9, of changesets that consist of SQL.

Other changes are serialized by Liquibase in ways that differ between its versions; their checksum
is not computed here. ChangeSet.generateCheckSum, AbstractSQLChange.NormalizingStream, CheckSum.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_VERSION = "9:"
_WHITESPACE = b" \n\r\t"
_STORED = re.compile(r"\d+:[a-zA-Z0-9]+", re.ASCII)


def of_scripts(scripts: Iterable[bytes]) -> str:
    """Return the checksum of a changeset that runs `scripts`, encoded as the files are."""
    parts = (_md5(script.translate(None, _WHITESPACE)) for script in scripts)
    return _VERSION + _md5("".join(f"{_VERSION}{part}:" for part in parts).encode())


def parse(text: str) -> str:
    """Return a checksum as Liquibase stores it: version 1 if it names none. CheckSum.parse."""
    found = _STORED.match(text)
    return found.group() if found else f"1:{text}"


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
