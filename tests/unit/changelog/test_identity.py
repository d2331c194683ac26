"""56 identities that real Liquibase printed, from a changelog made to be hard to read."""

from pg_migration_exporter.liquibase.changelog import read_changelog
from tests.fixtures.changelogs.files import IDENTITY, identities

EXPECTED = IDENTITY.with_name("identity.expected.txt")


def test_identities_are_those_that_liquibase_prints() -> None:
    changelog = read_changelog("master.xml", [IDENTITY])

    assert identities(changelog) == EXPECTED.read_text(encoding="utf-8").splitlines()


def test_every_changeset_says_where_it_is_written() -> None:
    changelog = read_changelog("master.xml", [IDENTITY])

    places = {
        changeset.identity: (changeset.file, changeset.line) for changeset in changelog.changesets
    }
    assert places["own/logical.xml::lf2::a"] == ("sub/logical.xml", 4)
    assert places["sub/ids.yaml::8::y"] == ("sub/ids.yaml", 4)
    assert places["sub/syntax.sql::upper::a"] == ("sub/syntax.sql", 10)
    assert places["all/raw.sql::raw::includeAll"] == ("all/raw.sql", 1)


def test_what_holds_under_a_condition_only_is_said() -> None:
    changelog = read_changelog("master.xml", [IDENTITY], version="4.28.0")

    assert [(finding.severity, finding.file, finding.line) for finding in changelog.findings] == [
        ("warning", "sub/ids.yaml", 5),
        ("warning", "sub/ids.yaml", 6),
        ("warning", "master.xml", 17),
    ]
