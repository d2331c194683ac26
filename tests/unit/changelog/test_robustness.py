"""Whatever the bytes: an answer, never an exception, never a part of the truth."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pg_migration_exporter.liquibase.changelog import Changelog, read_changelog
from tests.fixtures.changelogs.files import IDENTITY, write
from tests.fixtures.changelogs.generator import Generator

pytestmark = pytest.mark.slow

SUFFIXES = ("xml", "yaml", "json", "sql")
#: Pieces that mean something to one of the formats.
PIECES = st.sampled_from(
    [
        *(
            "<",
            ">",
            "/>",
            "</",
            '"',
            "'",
            "&",
            "&amp;",
            "<!--",
            "<![CDATA[",
            "]]>",
            "<?xml",
            "<!DOCTYPE",
        ),
        *(
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "- ",
            "? ",
            "| ",
            "> ",
            "*a",
            "&a ",
            "!!str ",
            "<<: ",
            "---\n",
            "%",
        ),
        *("\n", "\t", " ", "\\", "\0", "\ufeff", "\ud7ff", "\u2028", "\x85", "é", "😀"),
        *("${", "}", "${a}", "1", "0x", "1e9", "2026-01-01", ".inf", "~", "yes", "on"),
        *("databaseChangeLog", "changeSet", "include", "includeAll", "property", "file", "path"),
        *("id", "author", "name", "value", "global", "context", "labels", "dbms", "runOrder"),
        *("changes", "sql", "sqlFile", "validCheckSum", "preConditions", "modifyChangeSets"),
        *("--changeset a:1", "--rollback ", "--ignoreLines:start", "/* liquibase rollback", "*/"),
        *("m.xml", "m.yaml", "m.sql", "..", "/", "@", "!", "(", ")", " and ", " or "),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=60).map("".join)
BYTES = st.binary(max_size=400) | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass"))


def _answer(directory: Path, name: str) -> Changelog:
    changelog = read_changelog(name, [directory])
    assert not any("reader failed" in finding.summary for finding in changelog.findings)
    assert changelog.complete or not changelog.changesets
    return changelog


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(data=BYTES)
def test_any_bytes_have_an_answer(suffix: str, data: bytes) -> None:
    starts = {"xml": b"<databaseChangeLog>", "sql": b"--liquibase formatted sql\n"}
    start = starts.get(suffix, b"databaseChangeLog:\n- changeSet: ")
    with tempfile.TemporaryDirectory() as folder:
        files = {f"m.{suffix}": data, f"n.{suffix}": start + data}
        write(Path(folder), files)

        for name in files:
            _answer(Path(folder), name)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000),
    place=st.floats(0, 1, exclude_max=True),
    cut=st.integers(0, 40),
    piece=PIECES | st.text(max_size=4),
)
def test_a_changelog_that_was_damaged_has_an_answer(
    seed: int, place: float, cut: int, piece: str
) -> None:
    generator = Generator(Random(seed), "r")
    root = generator.generate()
    name = sorted(generator.files)[seed % len(generator.files)]
    text = generator.files[name]
    at = int(place * len(text))
    generator.files[name] = text[:at] + piece + text[at + cut :]
    with tempfile.TemporaryDirectory() as folder:
        files = {
            name: text.encode("utf-8", "surrogatepass") for name, text in generator.files.items()
        }
        write(Path(folder), files)

        _answer(Path(folder), root)


@settings(max_examples=200)
@given(contexts=TEXTS, labels=TEXTS, name=TEXTS, value=TEXTS, version=TEXTS)
def test_any_question_has_an_answer(
    contexts: str, labels: str, name: str, value: str, version: str
) -> None:
    changelog = read_changelog(
        "master.xml",
        [IDENTITY],
        contexts=contexts,
        labels=labels,
        properties={name: value, "who": value},
        version=version,
    )

    assert not any("reader failed" in finding.summary for finding in changelog.findings)
