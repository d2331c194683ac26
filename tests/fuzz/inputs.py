"""Inputs that are arbitrary, or valid ones that were damaged."""

from __future__ import annotations

import json

from hypothesis import strategies as st

Inputs = st.SearchStrategy[bytes]

_TOKENS = st.sampled_from(
    [
        *(b"\0", b"\n", b"\r\n", b"\x1b[2J", b"\xff", b"\xed\xa0\x80", b"'", b'"', b": ", b"- "),
        *(b"&a [*a]", b"*a", b"!!python/object:os.system", b"<!ENTITY a 'b'>", b"${a}", b"../"),
        *(b"-1", b"9" * 400, b"1e999", b"NaN", b"null", b"true", b"2026-13-41"),
        *(b"{" * 50, b"[" * 5000, b"A" * 3000, b"::" * 500),
    ]
)


def damaged(*valid: bytes) -> Inputs:
    """Return valid inputs with a few pieces replaced, cut or repeated; and arbitrary bytes."""
    pieces = _TOKENS | st.binary(max_size=20)
    changes = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 60), pieces), max_size=6)
    return st.builds(_change, st.sampled_from(valid), changes) | st.binary(max_size=2000)


def _change(content: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for place, cut, piece in changes:
        at = int(place * len(content))
        content = content[:at] + piece + content[at + cut :]
    return content


def json_with_keys(*keys: str) -> Inputs:
    """Return JSON objects with these keys, and values of any type."""
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    numbers = st.integers() | st.floats()
    leaves = st.none() | st.booleans() | numbers | texts | st.sampled_from(keys)
    names = st.sampled_from(keys) | texts
    values = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
    )
    objects = st.dictionaries(names, values, max_size=12)
    return objects.map(lambda value: json.dumps(value).encode())
