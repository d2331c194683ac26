"""YAML and JSON: what SnakeYAML makes of them, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.changelogs.files import YAML, identities, ids, read, summary

ACCEPTED = {
    "flow": ('- changeSet: {id: "1", author: a}', ["1"]),
    "list of attributes": ("- changeSet:\n  - id: 1\n  - author: a", ["1"]),
    "any case": ("- changeSet: {Id: 1, AUTHOR: a}", ["1"]),
    "last of equal keys": ("- changeSet: {id: 1, author: a, id: 2}", ["2"]),
    "merge": ("- changeSet: {<<: {id: 1, author: b}, author: a}", ["1"]),
    "alias": ("- changeSet: {id: &x a, author: *x}", ["a"]),
    "list as id": ("- changeSet: {id: [1, null, true], author: a}", ["[1, null, true]"]),
    "list of one": ("- changeSet: {id: [010], author: a}", ["8"]),
    "scalars between": ("- text\n- changeSet: {id: 1, author: a}\n-", ["1"]),
    "a list in the list": ("- - changeSet: {id: 1, author: a}", []),
    "nothing": ("", []),
    "tab in a scalar": ('- changeSet: {id: "a\tb", author: a}', ["a\tb"]),
    "tab in a comment": ("- changeSet: {id: 1, author: a} # \tx", ["1"]),
    "tab after plain text": ("- changeSet: {id: b c\t, author: a}", ["b c"]),
    "tab in a block": (
        "- changeSet:\n    id: 1\n    author: a\n    changes:\n    - sql: |\n        select\t1",
        ["1"],
    ),
    "slash": ('- changeSet: {id: "a\\\\/b", author: a}', ["a\\/b"]),
}
REFUSED = {
    "tab before a value": ("- changeSet: {id:\t1, author: a}", "tabs"),
    "tab as indentation": ("- changeSet:\n\tid: 1\n\tauthor: a", "not YAML"),
    "tab after a comma": ("- changeSet: {id: 1,\tauthor: a}", "tabs"),
    "tab after a quoted value": ('- changeSet: {id: "1"\t, author: a}', "tabs"),
    "escaped slash": ('- changeSet: {id: "a\\/b", author: a}', "escape"),
    "no list": ("  changeSet: {id: 1, author: a}", "not a list"),
    "number as key": ("- changeSet: {id: 1, author: a, 5: 6}", "key '5'"),
    "boolean as key": ("- changeSet: {id: 1, author: a, on: 6}", "key 'true'"),
    "mapping as key": ("- changeSet: {{a: b}: 6}", "key ''"),
    "two cases": ("- changeSet: {id: 1, ID: 2, author: a}", "has id twice"),
    "unknown tag": ("- changeSet: {id: !x 1, author: a}", "tag !x"),
    "unknown alias": ("- changeSet: {id: *x, author: a}", "alias *x has no value"),
    "second document": ("- changeSet: {id: 1, author: a}\n---\na: b", "more than one"),
    "unclosed": ("- changeSet: {id: 1", "not YAML"),
    "control character": ('- changeSet: {id: "\x01", author: a}', "not YAML"),
    "unknown name": ("- changeset: {id: 1, author: a}", "changeset is not an element"),
    "no change": ("- changeSet: {id: 1, author: a, changes: [{'a b': {x: y}}]}", "'a b' is not"),
    "too deep": ("- " + "[" * 100_000, "nest too deep"),
    "too deep in blocks": ("- " * 100_000 + "x", "nest too deep"),
    "in itself": ("- &a [*a]", "has no value"),
    "quoted boolean": ("- property: {name: x, value: y, global: 'false'}", "not as boolean"),
    "number as context": ("- property: {name: x, value: y, context: 1}", "not as text"),
    "empty property": ("- property:", "no name"),
    "nameless property": ("- property: {value: y}", "neither a name nor a file"),
}


@pytest.mark.parametrize("case", ACCEPTED)
@pytest.mark.parametrize("suffix", ["yaml", "YML", "json"])
def test_accepted(tmp_path: Path, case: str, suffix: str) -> None:
    body, expected = ACCEPTED[case]

    assert ids(read(tmp_path, {f"m.{suffix}": YAML + body})) == expected


@pytest.mark.parametrize("case", REFUSED)
def test_refused(tmp_path: Path, case: str) -> None:
    body, message = REFUSED[case]

    assert message in summary(read(tmp_path, {"m.yaml": YAML + body}))


def test_aliases_cannot_make_a_file_large(tmp_path: Path) -> None:
    levels = [f"- &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 40)]
    body = "\n".join(["- &l0 [x, x]", *levels])

    assert "too large with its aliases" in summary(read(tmp_path, {"m.yaml": YAML + body}))


@pytest.mark.parametrize("text", ["", "# nothing", "a: b", "- changeSet: {}"])
def test_a_file_without_a_changelog_is_refused(tmp_path: Path, text: str) -> None:
    assert "no databaseChangeLog" in summary(read(tmp_path, {"m.yaml": text}))


def test_a_finding_has_its_line(tmp_path: Path) -> None:
    body = "- changeSet:\n    id: 1\n    author: a\n    id2: {}\n- changeset: {id: 1}\n"
    changelog = read(tmp_path, {"m.yaml": YAML + body})

    assert [(finding.file, finding.line) for finding in changelog.findings] == [("m.yaml", 6)]


def test_a_missing_author_is_null_as_liquibase_prints_it(tmp_path: Path) -> None:
    changelog = read(tmp_path, {"m.yaml": YAML + "- changeSet: {id: 1}"})

    assert identities(changelog) == ["m.yaml::1::null"]
    assert "no author" in changelog.findings[0].summary


def test_the_byte_order_mark_decides_the_encoding(tmp_path: Path) -> None:
    text = YAML + "- changeSet: {id: é, author: a}"

    assert ids(read(tmp_path, {"m.yaml": b"\xff\xfe" + text.encode("utf-16-le")})) == ["é"]
    assert "not utf-8" in summary(read(tmp_path, {"m.yaml": text.encode("latin-1")}))
