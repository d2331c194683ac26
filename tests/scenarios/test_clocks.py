"""No wrong clock and no jump of one changes what is counted.

Each test is named in docs/migration-states.md, "What survives".
"""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.programs import program
from testbed.workspace import Workspace
from tests.fixtures.clock import SteppedServer
from tests.fixtures.exporters import StartExporter
from tests.fixtures.scenario import Scenario, playing, runs
from tests.fixtures.survival import (
    BROKEN,
    FIRST,
    SECOND,
    SLOW,
    logged_outcomes,
    server_numbers,
    start,
    wait_for_sleep,
)


def shifted(seconds: int) -> dict[str, str]:
    """Variables of a process whose clock is shifted; its monotonic clock goes on."""
    return {
        "LD_PRELOAD": str(program("libfaketime")),
        "FAKETIME": f"{seconds:+}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@pytest.mark.every_liquibase
@pytest.mark.parametrize("seconds", [-600, 600])
def test_a_client_with_a_wrong_clock(scenario: Scenario, seconds: int) -> None:
    start(scenario, FIRST)
    scenario.write("changelog.sql", FIRST, BROKEN)
    assert scenario.run(environment=shifted(seconds)) == 1
    scenario.until("failed")
    scenario.write("changelog.sql", FIRST, SECOND)
    assert scenario.run() == 0
    page = scenario.until_counted(3)
    assert runs(page) == {"succeeded": 2, "failed": 1}
    assert page.status() == "succeeded"
    assert logged_outcomes(scenario) == {"succeeded": 2, "failed": 1}


@pytest.mark.every_liquibase
@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_an_exporter_whose_clock_jumps(scenario: Scenario, tmp_path: Path, seconds: int) -> None:
    offset = tmp_path / "offset"
    offset.write_text("+0\n")
    variables = shifted(0) | {"FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1"}
    del variables["FAKETIME"]
    start(scenario, FIRST, variables=variables)
    scenario.write("changelog.sql", FIRST, SECOND, SLOW)
    run = scenario.start()
    wait_for_sleep(scenario)
    offset.write_text(f"{seconds:+}\n")
    assert run.wait(60) == 0
    scenario.write("changelog.sql", FIRST, SECOND, SLOW, BROKEN)
    assert scenario.run() == 1
    page = scenario.until_counted(3)
    assert runs(page) == {"succeeded": 2, "failed": 1}
    assert scenario.until("failed")
    assert "stale_lock" not in scenario.states


@pytest.mark.every_liquibase
@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_server_whose_clock_jumps(
    workspace: Workspace,
    start_exporter: StartExporter,
    tmp_path: Path,
    liquibase_version: str,
    seconds: int,
) -> None:
    with SteppedServer(workspace, f"stepped_{next(server_numbers)}") as server:
        played = Scenario(
            server.create_database("app"), tmp_path, liquibase_version, start_exporter
        )
        with playing(played) as scenario:
            start(scenario, FIRST)
            scenario.write("changelog.sql", FIRST, SECOND, SLOW)
            run = scenario.start()
            wait_for_sleep(scenario)
            server.step(seconds)
            assert run.wait(60) == 0
            scenario.write("changelog.sql", FIRST, SECOND, SLOW, BROKEN)
            assert scenario.run() == 1
            page = scenario.until_counted(3)
            assert runs(page) == {"succeeded": 2, "failed": 1}
            assert scenario.until("failed")
            assert "stale_lock" not in scenario.states
