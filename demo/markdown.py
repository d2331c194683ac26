"""Tables of measurements in Markdown pages, between two comments that mark their place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from testbed.errors import StackError


def rewrite(page: Path, mark: str, text: str) -> None:
    """Replace the text between `<!-- mark -->` and `<!-- /mark -->`. Raises StackError."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, found, rest = page.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise StackError(f"{page} lacks {begin} or {end}; add them where the figures go")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table; the first row has the headings, the first column names."""
    headings, *others = rows
    ruler = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (headings, ruler, *others))
