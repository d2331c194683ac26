"""docs/architecture.md names the layers that are held, and only files and classes that exist."""

from __future__ import annotations

import re
import tomllib

from tests.packaging.conftest import ROOT

PACKAGE = ROOT / "exporter/pg_migration_exporter"
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
#: What the page has in backticks, on one line.
NAMES = re.findall(r"`([^`\n]+)`", PAGE)


def test_paths_exist() -> None:
    paths = [name for name in NAMES if re.fullmatch(r"\w[\w./-]*(\.(py|sql)|/)", name)]
    assert len(paths) > 40
    assert [path for path in paths if not any((at / path).exists() for at in (PACKAGE, ROOT))] == []


def test_layers_are_those_that_import_linter_holds() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [contract] = settings["tool"]["importlinter"]["contracts"]
    held = [
        {f"{name}/" if (PACKAGE / name).is_dir() else f"{name}.py" for name in layer}
        for layer in (re.findall(r"(?<![(\w])\w+", line) for line in contract["layers"])
        if layer != ["__main__"]
    ]
    table = PAGE.partition("## Layers")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| (`.*?) \|", table)
    assert [set(re.findall(r"`(.*?)`", row)) for row in rows] == held


def test_classes_and_their_members_exist() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    defined = set(re.findall(r"(?m)^\s*(?:class|(?:async )?def) (\w+)|^ {4}(\w+): ", source))
    names = {name for pair in defined for name in pair}
    classes = [name for name in NAMES if re.fullmatch(r"[A-Z]\w*[a-z]\w*(\.\w+)?", name)]
    assert len(classes) > 8
    assert [name for name in classes if not names.issuperset(name.split("."))] == []
