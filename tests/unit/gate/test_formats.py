"""The formats of the report; that JUnit is valid: tests/integration/gate/test_gate.py."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from xml.etree.ElementTree import fromstring

from jsonschema import Draft202012Validator

from pg_migration_exporter.gate.formats import FORMATS
from pg_migration_exporter.gate.formats.textfile import FAMILIES, write_textfile
from pg_migration_exporter.gate.profile import Profile, read_profile
from pg_migration_exporter.gate.question import check_names
from pg_migration_exporter.gate.schema import schema
from pg_migration_exporter.reference.gate_page import render_page
from testbed.programs import program
from tests.fixtures.gate import hostile_report

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_the_documents_are_up_to_date() -> None:
    """`make render` writes them."""
    assert (DOCS / "gate.schema.json").read_text() == schema()
    page = (DOCS / "gate.md").read_text()
    assert page == render_page(page)


def test_the_profile_of_the_page_is_valid(tmp_path: Path) -> None:
    [block] = re.findall(
        r"```yaml\n(# gate.yaml\n.*?)```", (DOCS / "gate.md").read_text(), re.DOTALL
    )
    file = tmp_path / "gate.yaml"
    file.write_text(block)
    profile = read_profile(file)
    check_names(profile, set())
    unset = {key for key in Profile.model_fields if key not in profile.model_fields_set}
    assert unset == {"expect"}


def test_json_fits_its_schema() -> None:
    document = json.loads(FORMATS["json"](hostile_report()))
    Draft202012Validator(json.loads(schema())).validate(document)
    assert document["checks"][0]["result"] == "fail"


def test_junit_tells_failures_errors_waivers_and_what_does_not_count() -> None:
    [suite] = fromstring(FORMATS["junit"](hostile_report()))
    kinds = {case.get("name"): [part.tag for part in case] for case in suite.iter("testcase")}
    assert [*kinds.values()] == [["failure"], ["error"], ["skipped"], ["system-out"]]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "1")


def test_nothing_that_a_terminal_or_markdown_obeys() -> None:
    table, markdown = (FORMATS[name](hostile_report()) for name in ("table", "markdown"))
    assert "\x1b" not in table + markdown
    assert r"\| \<b\>" in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert {len(row.replace(r"\|", "").split("|")) for row in rows} == {7}


def test_the_table_says_what_to_do() -> None:
    table = FORMATS["table"](hostile_report())
    assert table.startswith("ABORT post: default")
    assert "Build it." in table
    assert "not asked:\n  standbys_stream: no\n" in table


def test_metrics_are_valid_and_documented(tmp_path: Path) -> None:
    """`promtool check metrics` finds nothing; the file is replaced, and others may read it."""
    file = tmp_path / "gate.prom"
    file.write_text("old")
    write_textfile(hostile_report(), file)
    assert [found.name for found in tmp_path.iterdir()] == ["gate.prom"]
    assert file.stat().st_mode & 0o777 == 0o644
    text = file.read_text()
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    assert 'migration_gate_verdict{target="default",phase="post",verdict="abort"} 1' in text
    page = (DOCS / "gate.md").read_text()
    for family in FAMILIES:
        assert f"`{family.name}{{{', '.join(family.labels)}}}`" in page
        assert family.name in text
