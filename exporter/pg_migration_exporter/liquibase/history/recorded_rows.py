"""The identities and checksums of recorded changesets, in little memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping

from pg_migration_exporter.postgres.rows import KEEP_ANY_BYTES

#: No row is in a slot.
_EMPTY = -1
_FIRST_SLOTS = 64
#: PostgreSQL's texts have no such character.
_END = b"\0"


class RecordedRows(Mapping[str, str | None]):
    """The checksum of each changeset by its identity, and the transaction that wrote its row.

    As objects of Python these take 450 bytes a changeset; here 20 bytes and the texts. A hash table
    with open addressing: `_slots` has numbers of rows, `_texts` has identity and checksum of each.
    """

    __slots__ = ("_hashes", "_slots", "_starts", "_texts", "_xids")

    def __init__(self) -> None:
        self._texts = bytearray()
        self._starts = array("I")
        self._hashes = array("q")
        self._xids = array("I")
        self._slots = array("i", [_EMPTY]) * _FIRST_SLOTS

    def put(self, identity: str, checksum: str | None, xid: int) -> bool:
        """Set what is known of a changeset; return whether it is new."""
        hashed = hash(identity)
        slot = self._slot(identity, hashed)
        number = self._slots[slot]
        is_new = number == _EMPTY
        if is_new:
            self._slots[slot] = len(self._starts)
            self._starts.append(len(self._texts))
            self._hashes.append(hashed)
            self._xids.append(xid)
        else:
            self._starts[number], self._xids[number] = len(self._texts), xid
        self._texts += _bytes(f"{identity}\0{checksum or ''}\0")
        if is_new and 3 * len(self._starts) > 2 * len(self._slots):
            self._grow()
        return is_new

    def xid(self, identity: str) -> int | None:
        """Return the transaction that wrote the row; None if there is none."""
        number = self._find(identity)
        return None if number == _EMPTY else self._xids[number]

    def __getitem__(self, identity: str) -> str | None:
        number = self._find(identity)
        if number == _EMPTY:
            raise KeyError(identity)
        begin = self._texts.index(_END, self._starts[number]) + 1
        return self._text(begin) or None

    def __contains__(self, identity: object) -> bool:
        return isinstance(identity, str) and self._find(identity) != _EMPTY

    def __iter__(self) -> Iterator[str]:
        return map(self._text, self._starts)

    def __len__(self) -> int:
        return len(self._starts)

    def _find(self, identity: str) -> int:
        return self._slots[self._slot(identity, hash(identity))]

    def _slot(self, identity: str, hashed: int) -> int:
        """Return the slot of a row, or the empty one where it belongs."""
        slots, hashes, last = self._slots, self._hashes, len(self._slots) - 1
        slot = hashed & last
        while (number := slots[slot]) != _EMPTY:
            if hashes[number] == hashed and self._is(number, identity):
                break
            slot = (slot + 1) & last
        return slot

    def _is(self, number: int, identity: str) -> bool:
        return self._texts.startswith(_bytes(f"{identity}\0"), self._starts[number])

    def _grow(self) -> None:
        """Double the slots."""
        last = 2 * len(self._slots) - 1
        self._slots = array("i", [_EMPTY]) * (last + 1)
        for number, hashed in enumerate(self._hashes):
            slot = hashed & last
            while self._slots[slot] != _EMPTY:
                slot = (slot + 1) & last
            self._slots[slot] = number

    def _text(self, begin: int) -> str:
        end = self._texts.index(_END, begin)
        return self._texts[begin:end].decode("utf-8", KEEP_ANY_BYTES)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", KEEP_ANY_BYTES)
