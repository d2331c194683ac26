"""Liquibase's checksums of changesets that consist of SQL: version 9, and 8 of before 4.22.

Other changes are serialized by Liquibase in ways that differ between its versions; their checksum
is not computed here. ChangeSet.generateCheckSum, AbstractSQLChange.NormalizingStream,
NormalizingStreamV8, CheckSum.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

_WHITESPACE = b" \n\r\t"
_ONE_SPACE = re.compile(rb"[ \n\r\t]+")
_STORED = re.compile(r"\d+:[a-zA-Z0-9]+", re.ASCII)


def of_scripts(scripts: Iterable[bytes]) -> str:
    """Return the checksum of a changeset that runs `scripts`, encoded as the files are."""
    return _combined("9:", (script.translate(None, _WHITESPACE) for script in scripts))


@dataclass(frozen=True, slots=True)
class OldScript:
    """A script as version 8 digests it: with the options that split it into statements."""

    script: bytes
    end_delimiter: str | None = None
    split_statements: bool = True
    strip_comments: bool = False

    @property
    def digested(self) -> bytes:
        """The options, then the script with each run of white space as one space."""
        delimiter = "null" if self.end_delimiter is None else self.end_delimiter
        options = (self.split_statements, self.strip_comments)
        header = ":".join((delimiter, *(str(option).lower() for option in options), ""))
        return header.encode() + _ONE_SPACE.sub(b" ", self.script.strip(_WHITESPACE))


def of_old_scripts(scripts: Iterable[OldScript]) -> str:
    """Return the checksum, version 8, of a changeset that runs `scripts`."""
    return _combined("8:", (script.digested for script in scripts))


def _combined(version: str, digested: Iterable[bytes]) -> str:
    return version + _md5("".join(f"{version}{_md5(part)}:" for part in digested).encode())


def parse(text: str) -> str:
    """Return a checksum as Liquibase stores it: version 1 if it names none. CheckSum.parse."""
    found = _STORED.match(text)
    return found.group() if found else f"1:{text}"


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
