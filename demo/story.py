"""The story that the demo tells: a migration that works, then faults, each detected and healed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from demo.report import Outcome, Report
from demo.scenarios import Fault
from demo.stack.errors import StackError
from demo.stack.waiting import wait_for, wait_until
from demo.world import World

#: Seconds within which alerts must be notified, and again be resolved.
PATIENCE = 60.0


def tell(world: World, report: Report, faults: Sequence[Fault]) -> bool:
    """Tell the whole story; True if exactly what was expected fired."""
    outcomes = [good_migration(world, report)]
    outcomes += [suffer(fault, world, report) for fault in faults]
    report.outcomes(outcomes)
    return all(outcome.is_as_expected for outcome in outcomes)


def good_migration(world: World, report: Report) -> Outcome:
    """Apply the changelog under load; the exporter alone says how it goes."""
    report.title("A migration: the changelog of quest_definitions, applied under load")
    since = Since(world)
    run = world.liquibase.start("update", log=world.workspace.log("liquibase"))
    try:
        _show_progress(world, report, while_true=lambda: run.is_running)
    finally:
        run.kill()
    if run.returncode:
        raise StackError(f"the changelog cannot be applied\n{run.tail()}")
    wait_until(lambda: _progress(world).startswith("succeeded"), 30, "the state is succeeded")
    report.say(f"exporter: {_progress(world)}")
    since.await_calm()
    return since.outcome("changelog applied", frozenset())


def suffer(fault: Fault, world: World, report: Report) -> Outcome:
    """Let `fault` happen, await its alerts, heal it, await calm."""
    report.title(f"A fault: {fault.name}")
    since = Since(world)
    with fault.happen(world):
        since.began = time.monotonic()
        report.say("it happened; awaiting the alert")
        since.await_alerts(fault.alerts)
    since.healed = time.monotonic()
    report.say("healed; awaiting calm")
    since.await_calm()
    return since.outcome(fault.name, fault.alerts)


class Since:
    """The notifications of one part of the story."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._mark = len(world.receiver.notifications)
        self.began = self.healed = time.monotonic()

    def _notified(self, status: str) -> dict[str, float]:
        """Time at which each alert was first notified with this status."""
        notifications = self._world.receiver.notifications[self._mark :]
        return {n.name: n.received for n in reversed(notifications) if n.status == status}

    def await_alerts(self, names: frozenset[str]) -> None:
        wait_for(lambda: names <= self._notified("firing").keys(), PATIENCE)

    def await_calm(self) -> None:
        """Await that no alert fires or is about to, and that all which fired are resolved."""
        wait_for(
            lambda: (
                self._notified("firing").keys() == self._notified("resolved").keys()
                and not self._world.prometheus.alerts()
            ),
            PATIENCE,
            interval=0.2,
        )

    def outcome(self, name: str, expected: frozenset[str]) -> Outcome:
        detected = {alert: at - self.began for alert, at in self._notified("firing").items()}
        resolved = {alert: at - self.healed for alert, at in self._notified("resolved").items()}
        return Outcome(name, expected, detected, resolved)


def _show_progress(world: World, report: Report, while_true: Callable[[], bool]) -> None:
    """Print each change in what the exporter says about the migration."""
    shown = ""
    while while_true():
        if (now := _progress(world)) != shown:
            report.say(f"exporter: {now}")
            shown = now
        time.sleep(0.2)


def _progress(world: World) -> str:
    """State of the migration and the changesets it applied, as the exporter publishes them."""
    page = world.exporter.page()
    states = page.get("liquibase_migration_status", [])
    state = next((sample.labels["status"] for sample in states if sample.value), "no migration yet")
    applied = sum(sample.value for sample in page.get("liquibase_changesets_applied", []))
    return f"{state}, {applied:g} changesets applied"
