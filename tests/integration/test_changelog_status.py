"""The reader against real Liquibase: `status --verbose` lists the same changesets, in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from pg_migration_exporter.liquibase.changelog import read_changelog
from testbed.liquibase import Liquibase
from tests.fixtures.changelogs.files import IDENTITY, SQL, changeset, identities, write, xml
from tests.fixtures.changelogs.generator import FILTERS, Generator
from tests.fixtures.migrations import CHANGELOG

VERSION = "4.28.0"
SEEDS = range(100)
#: Of the demo: contexts, labels and every flag; and a changelog as people write it.
WRITTEN = ("t/ctx.xml", "t/exec.xml", "db.changelog-master.xml")
#: Without it the JVM cannot open, or print, a name that is not ASCII.
LOCALE = {"LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with random changelogs, and `all.xml` that includes them and the written ones."""
    directory = tmp_path_factory.mktemp("changelogs")
    roots = []
    for seed in SEEDS:
        generator = Generator(Random(seed), f"r{seed}")
        roots.append(generator.generate())
        write(directory, generator.files)
    includes = "".join(f'<include file="{root}"/>\n' for root in (*WRITTEN, *roots))
    return write(directory, {"all.xml": xml(includes)})


def status(
    liquibase: Liquibase,
    contexts: str | None = None,
    labels: str | None = None,
    *,
    validate: bool = True,
) -> list[str]:
    """The pending changesets of an empty database; the demo's files are in the search path too."""
    options = {"--contexts": contexts, "--label-filter": labels}
    done = liquibase.run(
        *("status", "--verbose"),
        *(f"{name}={value}" for name, value in options.items() if value),
        environment={
            **LOCALE,
            "LIQUIBASE_SEARCH_PATH": f"{liquibase.search_path},{CHANGELOG}",
            "LIQUIBASE_VALIDATE_XML_CHANGELOG_FILES": str(validate).lower(),
        },
    )
    assert done.returncode == 0, done.stderr
    return [line[5:] for line in done.stdout.split("\n") if line.startswith("     ")]


@pytest.mark.parametrize(("contexts", "labels"), FILTERS)
def test_random_changelogs(
    generated: Path, liquibase: Callable[..., Liquibase], contexts: str | None, labels: str | None
) -> None:
    ours = read_changelog(
        "all.xml", [generated, CHANGELOG], contexts=contexts, labels=labels, version=VERSION
    )

    # The first time proves that the schema takes the files; it costs a second each time.
    validate = contexts is None and labels is None
    listed = status(liquibase("all.xml", generated), contexts, labels, validate=validate)

    assert identities(ours) == listed
    assert len(listed) > len(SEEDS)


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_a_root_in_another_format(
    generated: Path, liquibase: Callable[..., Liquibase], suffix: str
) -> None:
    root = max(generated.glob(f"r*/root.{suffix}"), key=lambda path: path.stat().st_size)
    name = str(root.relative_to(generated))

    ours = read_changelog(name, [generated], version=VERSION)

    assert identities(ours) == status(liquibase(name, generated))


def test_a_root_in_sql(tmp_path: Path, liquibase: Callable[..., Liquibase]) -> None:
    write(tmp_path, {"d/m.sql": f"{SQL}--changeset a:1\nselect 1;\n--changeset a:2"})

    ours = read_changelog("d/m.sql", [tmp_path], version=VERSION)

    assert identities(ours) == status(liquibase("./d/m.sql", tmp_path))


def test_identities(liquibase: Callable[..., Liquibase]) -> None:
    """Keeps the list that the unit tests compare with honest."""
    expected = IDENTITY.with_name("identity.expected.txt").read_text(encoding="utf-8")

    assert status(liquibase("master.xml", IDENTITY)) == expected.splitlines()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("schema.xml", xml(changeset("1", 'contex="prod"'))),
        ("tab.json", '{\n\t"databaseChangeLog": []\n}'),
    ],
)
def test_what_the_reader_refuses_liquibase_refuses(
    tmp_path: Path, liquibase: Callable[..., Liquibase], name: str, content: str
) -> None:
    write(tmp_path, {name: content})

    ours = read_changelog(name, [tmp_path], version=VERSION)
    theirs = liquibase(name, tmp_path).run("status", "--verbose")

    assert not ours.complete
    assert theirs.returncode == 1
