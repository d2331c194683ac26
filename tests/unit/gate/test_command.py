"""What the command refuses: one line, exit code 2, before any connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from pg_migration_exporter.cli import main

_DSN = ["--dsn", "host=127.0.0.1 port=1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--url", "http://127.0.0.1:1", *_DSN], "--url: not together with --config or --dsn"),
        (["--url", "ftp://db"], "--url: not an http or https URL"),
        ([*_DSN, "--profile", "missing.yaml"], "missing.yaml: cannot be read"),
        ([*_DSN, "--target", "ghost"], "--target: there is no target 'ghost'"),
        ([*_DSN, "--output", "missing/gate.xml"], "--output: missing/gate.xml: "),
    ],
)
def test_what_cannot_be_used_is_exit_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "pre", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"pg-migration-exporter: {message}")


def test_a_profile_with_an_unknown_check_is_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "gate.yaml"
    profile.write_text("skip: {tls_minimu: no TLS here}\n")
    assert main(["gate", "pre", *_DSN, "--profile", str(profile)]) == 2
    assert "did you mean tls_minimum?" in capsys.readouterr().err


@pytest.mark.parametrize("time", ["soon", "-1s"])
def test_a_time_that_is_none_is_exit_2(time: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["gate", "pre", f"--wait={time}"])
    assert "not a duration" in capsys.readouterr().err
