"""XML: nothing from outside, and what Liquibase's schema refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.changelogs.files import changeset, ids, read, summary, xml

ONE = changeset("1")
REFUSED = {
    "unknown attribute": (changeset("1", 'contex="prod"'), "has no attribute contex"),
    "missing id": ('<changeSet author="a"/>', "lacks the attribute id"),
    "missing file": ("<include/>", "lacks the attribute file"),
    "no boolean": (changeset("1", 'runAlways="TRUE"'), "runAlways='TRUE'"),
    "unknown element": ("<changeset/>", "changeset is not allowed in databaseChangeLog"),
    "unknown change": (changeset("1", "", "<sqql>x</sqql>"), "sqql is not allowed in changeSet"),
    "property too late": (ONE + '<property name="a" value="b"/>', "property comes too late"),
    "preconditions too late": (
        changeset("1", "", "<comment>x</comment><preConditions><dbms type='h2'/></preConditions>"),
        "preConditions comes too late",
    ),
    "text between": (f"text {ONE}", "must not have text"),
    "unknown action": (
        changeset("1", "", '<preConditions onFail="STOP"><dbms type="h2"/></preConditions>'),
        "onFail='STOP'",
    ),
    "not closed": ("<changeSet>", "not XML"),
    "too deep": ("<x>" * 200, "nest too deep"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(tmp_path: Path, case: str) -> None:
    body, message = REFUSED[case]

    assert message in summary(read(tmp_path, {"m.xml": xml(body)}))


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE databaseChangeLog SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE databaseChangeLog [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE databaseChangeLog [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
    ],
)
def test_document_types_are_not_read(tmp_path: Path, doctype: str) -> None:
    text = xml(ONE).replace("?>\n", f"?>\n{doctype}\n")

    assert "document type" in summary(read(tmp_path, {"m.xml": text}))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("xsi:schemaLocation=", "xsi:noNamespaceSchemaLocation="),
        ("dbchangelog-latest.xsd", "dbchangelog-newest.xsd"),
        ("www.liquibase.org/xml/ns/dbchangelog/db", "liquibase.example/db"),
        ("<databaseChangeLog", "<changelog"),
        ("</databaseChangeLog>", "</databaseChangeLog><more/>"),
    ],
)
def test_liquibase_must_find_its_schema(tmp_path: Path, old: str, new: str) -> None:
    text = xml(ONE).replace(old, new)
    if "changelog" in new:
        text = text.replace("</databaseChangeLog>", "</changelog>")

    read_summary = summary(read(tmp_path, {"m.xml": text}))

    assert any(word in read_summary for word in ("schema", "root element", "not XML"))


def test_a_changeset_of_another_database_may_hold_anything(tmp_path: Path) -> None:
    body = changeset("1", 'dbms="oracle"', '<x:change xmlns:x="urn:x" a="b"/>') + changeset("2")

    changelog = read(tmp_path, {"m.xml": xml(body)})

    assert ids(changelog) == ["2"]
    assert changelog.findings == ()


def test_a_change_of_an_extension_is_a_condition(tmp_path: Path) -> None:
    body = changeset("1", "", '<x:change xmlns:x="urn:x" a="b"/>')

    changelog = read(tmp_path, {"m.xml": xml(body)})

    assert ids(changelog) == ["1"]
    assert [(finding.severity, finding.line) for finding in changelog.findings] == [("warning", 3)]


def test_only_true_is_true(tmp_path: Path) -> None:
    body = changeset("1", 'runAlways="1" ignore="1"') + changeset("2", 'runAlways="true"')

    changelog = read(tmp_path, {"m.xml": xml(body)})

    assert {changeset.id: changeset.run_always for changeset in changelog.changesets} == {
        "1": False,
        "2": True,
    }


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "windows-1252", "utf-8"])
def test_the_declared_encoding_counts(tmp_path: Path, encoding: str) -> None:
    text = xml(changeset("é")).replace("UTF-8", encoding)

    assert ids(read(tmp_path, {"m.xml": text.encode(encoding)})) == ["é"]


@pytest.mark.parametrize("encoding", ["hex", "punycode", "x-unknown"])
def test_an_unknown_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    text = xml(ONE).replace("UTF-8", encoding)

    assert f"encoding {encoding}" in summary(read(tmp_path, {"m.xml": text}))


@pytest.mark.parametrize(
    ("content", "severity"),
    [
        ('<dbms type="postgresql"/>', None),
        ('<dbms type="oracle"/>', "error"),
        ('<not><dbms type="oracle"/></not>', None),
        ('<or><dbms type="oracle"/><dbms type="postgresql"/></or>', None),
        ('<and><dbms type="oracle"/><dbms type="postgresql"/></and>', "error"),
        ('<tableExists tableName="t"/>', "warning"),
        ('<dbms type="oracle"/><tableExists tableName="t"/>', "error"),
    ],
)
def test_preconditions_of_the_changelog(tmp_path: Path, content: str, severity: str | None) -> None:
    body = f"<preConditions>{content}</preConditions>{ONE}"

    changelog = read(tmp_path, {"m.xml": xml(body)})

    assert [finding.severity for finding in changelog.findings] == ([severity] if severity else [])
    assert changelog.complete is (severity != "error")
