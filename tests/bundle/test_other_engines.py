"""The rules load in other rulers than the Prometheus that the unit tests run on."""

from __future__ import annotations

import subprocess

from testbed.programs import program
from tests.bundle.all_alerts import ROOT


def test_rules_load_unchanged_in_vmalert() -> None:
    """VictoriaMetrics' ruler, with MetricsQL's parser and its own check of templates."""
    files = f"-rule={ROOT / 'alerts'}/*.yaml"
    command = (program("vmalert"), "-dryRun", files, "-rule.validateTemplates")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
