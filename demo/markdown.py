"""Pages that hold what was measured: tables between two comments that no reader sees."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from testbed.errors import StackError


def rewrite(page: Path, mark: str, text: str) -> None:
    """Replace what is between `<!-- mark -->` and `<!-- /mark -->`; StackError without them."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, found, rest = page.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise StackError(f"{page} lacks {begin} or {end}: write them where the figures go")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def table(rows: Sequence[Sequence[str]]) -> str:
    """Figures as a table; the first row holds the headings, the first column names."""
    headings, *others = rows
    ruler = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (headings, ruler, *others))
