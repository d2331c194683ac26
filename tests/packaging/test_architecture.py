"""docs/architecture.md names only files, folders and classes that exist."""

from __future__ import annotations

import re

from tests.packaging.conftest import ROOT

PACKAGE = ROOT / "exporter/pg_migration_exporter"
#: What the page has in backticks, on one line.
NAMES = re.findall(r"`([^`\n]+)`", (ROOT / "docs/architecture.md").read_text(encoding="utf-8"))


def test_paths_exist() -> None:
    paths = [name for name in NAMES if re.fullmatch(r"\w[\w./-]*(\.(py|sql)|/)", name)]
    assert len(paths) > 40
    assert [path for path in paths if not any((at / path).exists() for at in (PACKAGE, ROOT))] == []


def test_packages_of_the_layers_are_all_there() -> None:
    packages = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("__")}
    assert packages | modules <= set(NAMES)


def test_classes_and_their_members_exist() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    defined = set(re.findall(r"(?m)^\s*(?:class|(?:async )?def) (\w+)|^ {4}(\w+): ", source))
    names = {name for pair in defined for name in pair}
    classes = [name for name in NAMES if re.fullmatch(r"[A-Z]\w*[a-z]\w*(\.\w+)?", name)]
    assert len(classes) > 8
    assert [name for name in classes if not names.issuperset(name.split("."))] == []
