"""The dashboards as Grafana's own types (@grafana/schema) have them, by the TypeScript compiler."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from demo.dashboards.queries import panels
from pg_migration_exporter.bundle.grafana.dashboards import dashboards
from pg_migration_exporter.bundle.schema import Values
from pg_migration_exporter.bundle.values import load_values, merge
from testbed.programs import ROOT, program

TYPES = Path(__file__).parent / "grafana/dashboard.ts"
MODULES = ROOT / ".tools/grafana/node_modules"
#: The packages of the majors that are checked; see grafana/package.json.
MAJORS = ("schema-11", "schema-13")
#: Exports are not asked for, since they name no types of single kinds of panels.
OPTIONS = {
    "strict": True,
    "noEmit": True,
    "skipLibCheck": True,
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "node10",
    "preserveSymlinks": True,
    "types": [],
}

Json = dict[str, Any]


def _panel(dashboard: Json, kind: str) -> Json:
    return next(panel for panel in dashboard["panels"] if panel["type"] == kind)


#: What is wrong with a dashboard -> how it becomes so. Each is panel that Grafana would not refuse.
FAULTS: Mapping[str, Callable[[Json], object]] = {
    "unknown-setting": lambda it: it.update(refreshing="10s"),
    "wrong-type": lambda it: it.update(refresh=10),
    "unknown-option": lambda it: _panel(it, "stat")["options"].update(colour="red"),
    "missing-option": lambda it: _panel(it, "timeseries")["options"].pop("tooltip"),
    "option-of-another-kind": lambda it: _panel(it, "table")["options"].update(rowHeight=0.8),
    "no-member-of-an-enum": lambda it: _panel(it, "stat")["options"].update(textMode="words"),
    "number-as-text": lambda it: _panel(it, "heatmap")["gridPos"].update(w="24"),
    "unknown-way-to-draw": lambda it: _panel(it, "timeseries")["fieldConfig"]["defaults"][
        "custom"
    ].update(drawStyle="wave"),
    "unknown-format": lambda it: _panel(it, "table")["targets"][0].update(format="rows"),
}


def _spoiled() -> Iterator[tuple[str, Json]]:
    """Yield the cockpit with each of the faults, and with one panel of each kind to be quick."""
    cockpit = dashboards(load_values())["pg-migration-cockpit"]
    of_kinds = {panel["type"]: panel for panel in panels(cockpit)}
    for name, spoil in FAULTS.items():
        faulty = deepcopy(cockpit | {"panels": [*of_kinds.values()]})
        spoil(faulty)
        yield name, faulty


def _with_links() -> Json:
    """The cockpit with the links that it has where addresses on the web are configured."""
    web = {"runbooks": "https://example.com/runbooks", "alertmanager": "https://example.com"}
    values = Values.model_validate(merge(load_values().model_dump(by_alias=True), {"urls": web}))
    return dashboards(values)["pg-migration-cockpit"]


Compile = Callable[[str], Counter[str]]


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """Count the compiler's errors by dashboard, for the types of one major."""
    folder = tmp_path_factory.mktemp("grafana")
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS}))
    shutil.copy(TYPES, folder)
    checked = {**dashboards(load_values()), "cockpit-with-links": _with_links(), **dict(_spoiled())}
    for name, dashboard in checked.items():
        (folder / f"{name}.ts").write_text(
            "import type { GrafanaDashboard } from './dashboard';\n"
            f"export const dashboard: GrafanaDashboard = {json.dumps(dashboard, indent=1)};\n"
        )
    package = folder / "node_modules/@grafana/schema"
    package.parent.mkdir(parents=True)

    def compile_with(major: str) -> Counter[str]:
        package.unlink(missing_ok=True)
        package.symlink_to(MODULES / major)
        done = subprocess.run(
            [program("node"), MODULES / "typescript/bin/tsc"],
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        print(done.stdout)
        assert done.stderr == ""
        found = re.findall(r"^(\S+?)\.ts\(\d+,\d+\): error ", done.stdout, re.MULTILINE)
        assert bool(found) == bool(done.returncode)
        return Counter(found)

    return compile_with


@pytest.mark.parametrize("major", MAJORS)
def test_dashboards_are_what_grafana_types_and_faulty_ones_are_not(
    major: str, errors: Compile
) -> None:
    assert errors(major) == dict.fromkeys(FAULTS, 1)


def test_every_kind_of_panel_is_typed() -> None:
    kinds = {
        panel["type"]
        for dashboard in dashboards(load_values()).values()
        for panel in panels(dashboard)
    }
    assert kinds == {*re.findall(r"Panel<'([\w-]+)'", TYPES.read_text())}
