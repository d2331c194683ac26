"""The report as JUnit XML, which GitLab, Jenkins and GitHub's actions show.

A check that fails and counts is a `failure`, one without an answer that counts an `error`, a waived
one is `skipped`. What does not count passes, with its evidence as `system-out`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pg_migration_exporter.gate.model import Check, GateReport

_NAME = "pg-migration-exporter"
#: What XML 1.0 has no way to write.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(report: GateReport) -> str:
    """Return one test suite with a test case for each check."""
    kinds = [_kind(check) for check in report.checks]
    counts = {
        "tests": str(len(kinds)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "time": f"{report.duration_seconds:.3f}",
    }
    name = f"{_NAME}.gate.{report.phase}"
    suites = Element("testsuites", {"name": name} | counts)
    started = datetime.fromtimestamp(report.started_at, UTC)
    about = {
        "skipped": str(kinds.count("skipped")),
        "timestamp": f"{started:%Y-%m-%dT%H:%M:%S}",
        "hostname": _text(report.server.address),
    }
    suite = SubElement(suites, "testsuite", {"name": name} | counts | about)
    properties = SubElement(suite, "properties")
    for key, value in {"verdict": report.verdict, "target": report.target}.items():
        SubElement(properties, "property", {"name": key, "value": _text(value)})
    for check, kind in zip(report.checks, kinds, strict=True):
        _add_case(suite, name, check, kind)
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, "unicode") + "\n"


def _kind(check: Check) -> str:
    if check.result == "waived":
        return "skipped"
    if check.verdict == "go":
        return ""
    return "failure" if check.result == "fail" else "error"


def _add_case(suite: Element, group: str, check: Check, kind: str) -> None:
    where = f" [{check.datname}]" if check.datname else ""
    name = _text(f"{check.name}{where}")
    case = SubElement(suite, "testcase", {"name": name, "classname": group, "time": "0"})
    evidence = _text(check.evidence)
    if kind == "skipped":
        SubElement(case, kind, {"message": evidence})
    elif kind:
        found = SubElement(case, kind, {"message": evidence, "type": check.verdict})
        found.text = _text(f"{check.summary}\n{check.remedy}")
    else:
        SubElement(case, "system-out").text = evidence


def _text(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
