"""SQL that administrators are told to run pins the search path before anything else.

Otherwise the owner of a database, or anybody who may create functions in it, could have an operator
or a function of theirs run with the rights of the administrator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from pg_migration_exporter.liquibase.reports.table import create_table_sql
from tests.bundle.all_alerts import ROOT

_PINNED = "SET search_path = pg_catalog, pg_temp;"
_FOLDERS = ("docs", "sql", "examples", "deploy")
#: Blocks of documents and of shell scripts.
_BLOCK = re.compile(r"```sql\n(.*?)```|<<'SQL'\n(.*?)\nSQL\n", re.DOTALL)


def texts() -> Iterator[tuple[str, str]]:
    """Every SQL text for administrators, by its file and number."""
    yield "reports create-table --print", create_table_sql(["migrator"], ["exporter"])
    files = [ROOT / "README.md", *(file for name in _FOLDERS for file in (ROOT / name).rglob("*"))]
    for file in files:
        name = str(file.relative_to(ROOT))
        if file.suffix == ".sql":
            yield name, file.read_text(encoding="utf-8")
        elif file.suffix in {".md", ".sh", ".yaml", ".yml"}:
            blocks = _BLOCK.findall(file.read_text(encoding="utf-8"))
            yield from ((f"{name} {n}", a or b) for n, (a, b) in enumerate(blocks, 1))


_TEXTS = dict(texts())


def first_statement(text: str) -> str:
    """The first line that is neither a comment nor a command of psql's own."""
    lines = (line.strip() for line in text.splitlines())
    return next(line for line in lines if line and not line.startswith(("--", "\\")))


@pytest.mark.parametrize("name", _TEXTS)
def test_the_search_path_is_pinned_first(name: str) -> None:
    assert first_statement(_TEXTS[name]) == _PINNED


def test_the_files_are_found() -> None:
    assert {"sql/grants.sql", "examples/quest/grants.sql"} < _TEXTS.keys()
    assert "deploy/compose/exporter-login.sh 1" in _TEXTS
    assert len(_TEXTS) > 50
