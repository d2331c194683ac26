"""The systemd unit of Fluent Bit."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pg_migration_exporter.logs.formats import FormatName
from tests.fixtures.fluent_bit import log_values, rendered

_PROGRAM = "/opt/fluent-bit/bin/fluent-bit"


def unit(**logs: object) -> str:
    return rendered(log_values(logs), "fluent-bit/pg-migration-logs.service")


@pytest.mark.parametrize("name", ["jsonlog", "csvlog", "stderr"])
def test_it_runs_the_chosen_configuration_and_says_how_to_install_it(name: FormatName) -> None:
    text = unit(format=name)
    assert f"\nExecStart={_PROGRAM} -c /etc/pg-migration-logs/{name}.yaml\n" in text
    [installed] = re.findall(r"install -D .* /etc/pg-migration-logs (.*)", text)
    assert installed.split() == [f"{name}.yaml", "parsers.yaml", "postgresql.lua"]


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ("/var/lib/pg-migration-logs", "StateDirectory=pg-migration-logs"),
        ("/srv/logs", "ReadWritePaths=/srv/logs"),
    ],
)
def test_it_may_write_its_state_and_nothing_else(state: str, line: str) -> None:
    text = unit(state=state)
    assert "\nProtectSystem=strict\n" in text
    writable = re.findall(r"^(?:\w*Directory|ReadWritePaths)=.*", text, re.MULTILINE)
    assert writable == [line]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_understands_it(tmp_path: Path) -> None:
    """With a program in Fluent Bit's place that is on every machine."""
    path = tmp_path / "pg-migration-logs.service"
    path.write_text(unit().replace(_PROGRAM, "/bin/true"))
    command = ("systemd-analyze", "verify", "--man=no", path)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if path.name in line]
    assert (done.returncode, complaints) == (0, [])
