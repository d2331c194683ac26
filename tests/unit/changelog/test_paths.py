import pytest

from pg_migration_exporter.liquibase.changelog import normalize_path
from pg_migration_exporter.liquibase.changelog.paths import lookup, sibling


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("a/b.xml", "a/b.xml"),
        ("/a/b.xml", "a/b.xml"),
        ("//a/b.xml", "/a/b.xml"),
        ("./a/./b.xml", "a/b.xml"),
        ("a/x/../b.xml", "a/b.xml"),
        ("../b.xml", "../b.xml"),
        ("a//b.xml/", "a/b.xml"),
        ("a\\b.xml", "a/b.xml"),
        ("classpath:a/b.xml", "a/b.xml"),
        ("C:\\a\\b.xml", "a/b.xml"),
        ("", ""),
    ],
)
def test_names_that_liquibase_compares(written: str, name: str) -> None:
    assert normalize_path(written) == name


@pytest.mark.parametrize(
    ("file", "written", "name"),
    [
        ("a/m.xml", "b.sql", "a/b.sql"),
        ("a/m.xml", "../b.sql", "b.sql"),
        ("a/m.xml", "/b.sql", "a/b.sql"),
        ("m.xml", "/b.sql", "b.sql"),
        ("/a/m.xml", "./b.sql", "a/b.sql"),
        ("m.xml", "../b.sql", "../b.sql"),
    ],
)
def test_relative_to_the_changelog(file: str, written: str, name: str) -> None:
    assert sibling(file, written) == name


def test_a_root_has_nothing_above_it() -> None:
    assert lookup("/../a") == "a"
    assert lookup("../a") == "../a"
