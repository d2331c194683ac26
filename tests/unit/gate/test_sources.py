"""Checks by a program, and what the schema of such checks refuses."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.gate.check import Finding
from pg_migration_exporter.gate.evaluate import Read, evaluate
from pg_migration_exporter.gate.profile import Profile, read_profile
from pg_migration_exporter.gate.question import Question, check_names
from pg_migration_exporter.gate.sources.ask import ask_outside
from pg_migration_exporter.gate.sources.model import OutsideCheck
from tests.fixtures.gate import status_with
from tests.unit.gate.test_evaluate import NOW


def outside(**source: Any) -> OutsideCheck:
    common = {"name": "mine", "help": "It is so.", "phase": "post", "severity": "critical"}
    return OutsideCheck.model_validate(common | source)


def ask(check: OutsideCheck, prometheus: str | None = None) -> Finding:
    profile = Profile(checks=(check,), prometheus=prometheus)
    [(_, finding)] = asyncio.run(ask_outside(Question("post", profile)))
    return finding


@pytest.mark.parametrize(
    ("script", "result", "evidence"),
    [
        ("echo noise; echo 'backup is 2 h old'", "pass", "backup is 2 h old"),
        ("echo 'backup is 2 d old'; exit 1", "fail", "backup is 2 d old"),
        ("exit 1", "fail", "/bin/sh: exit status 1"),
        ("echo oops; exit 3", "unknown", "exit status 3: oops"),
        ("kill -9 $$", "unknown", "exit status -9"),
        ("yes", "unknown", "printed more than 1048576 bytes"),
    ],
)
def test_a_program(script: str, result: str, evidence: str) -> None:
    found = ask(outside(command=["/bin/sh", "-c", script]))
    assert found.result == result
    assert evidence in found.evidence


def test_a_program_that_does_not_end_is_ended_with_its_children(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    script = f"sleep 1000 & echo $! >{file}; wait"
    began = time.monotonic()
    found = ask(outside(command=["/bin/sh", "-c", script], timeout="500ms"))
    assert (found.result, found.evidence) == ("unknown", "no answer within 0.5 s")
    assert time.monotonic() - began < 60
    status = Path("/proc", file.read_text().strip(), "stat")
    assert not status.exists() or ") Z " in status.read_text()


def test_a_program_that_is_not_there() -> None:
    assert "cannot be run: No such file" in ask(outside(command=["/no/such"])).evidence
    assert os.path.lexists("/bin/sh")


def test_a_service_that_accepts_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for source in ({"http": {"url": url}}, {"promql": {"query": "up", "at_least": 1}}):
            assert ask(outside(**source, timeout="300ms"), url).result == "unknown"


def test_without_a_prometheus_there_is_no_answer() -> None:
    found = ask(outside(promql={"query": "up", "at_least": 1}))
    assert (found.result, "--prometheus" in found.evidence) == ("unknown", True)


def test_only_the_checks_of_the_phase_are_asked() -> None:
    profile = Profile(checks=(outside(command=["/no/such"]),))
    assert asyncio.run(ask_outside(Question("pre", profile))) == []


def test_what_it_means_is_that_of_its_phase() -> None:
    check = outside(command=["true"])
    read = Read(status_with(), {}, None, NOW, ((check, Finding("fail", "no")),))
    found = {item.name: item for item in evaluate(Question("post", Profile()), read)}
    assert (found["mine"].verdict, found["mine"].source) == ("abort", "command")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("command: [a], http: {url: 'http://a'}", "set one of promql, http and command"),
        ("promql: {query: up}", "set at_least, at_most or both"),
        ("http: {url: 'ftp://a'}", "not a URL"),
        ("http: {url: 'http://u:p@a'}", "not a URL"),
    ],
)
def test_a_check_that_cannot_be_asked_names_its_line(
    source: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "gate.yaml"
    check = f"name: mine, help: x, phase: pre, severity: info, {source}"
    file.write_text(f"checks:\n  - {{{check}}}\n")
    with pytest.raises(ConfigError, match=message) as refused:
        read_profile(file)
    assert str(refused.value).startswith(f"{file}:2: checks.0")


def test_a_name_belongs_to_one_check() -> None:
    check = outside(command=["true"])
    for profile, configured in (
        (Profile(checks=(check, check)), set()),
        (Profile(checks=(check,)), {"mine"}),
    ):
        with pytest.raises(ConfigError, match="'mine' is taken"):
            check_names(profile, configured)
