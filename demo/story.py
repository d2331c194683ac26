"""The story that the demo tells: a migration that works, then faults, each detected and healed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from demo.report import Outcome, Report
from demo.scenarios import Fault
from demo.world import World
from testbed.errors import StackError
from testbed.waiting import wait_for, wait_until

#: Seconds within which alerts must fire, and again be resolved.
PATIENCE = 60.0
#: Severities of alerts that are no alarm.
QUIET = ("info", "none")
#: What happens when nothing goes wrong.
GOOD_MIGRATION = Fault(
    "changelog applied",
    alerts=frozenset(),
    happen=nullcontext,
    # Before the first changeset there is no tag to roll back to, and all of them are pending; a
    # slow machine takes longer than the demo's short thresholds.
    consequences=frozenset({"MigrationUntagged", "MigrationPendingLong", "MigrationRunningLong"}),
)


def tell(world: World, report: Report, faults: Sequence[Fault]) -> bool:
    """Tell the whole story; True if exactly what was expected fired."""
    outcomes = [good_migration(world, report)]
    outcomes += [suffer(fault, world, report) for fault in faults]
    report.outcomes(outcomes)
    return all(outcome.is_as_expected for outcome in outcomes)


def good_migration(world: World, report: Report) -> Outcome:
    """Apply the changelog under load; the exporter alone says how it goes."""
    report.title("A migration: the changelog of quest_definitions, applied under load")
    since = Since(world, GOOD_MIGRATION)
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
    return since.outcome()


def suffer(fault: Fault, world: World, report: Report) -> Outcome:
    """Let `fault` happen, await its alerts, heal it, await calm."""
    report.title(f"A fault: {fault.name}")
    since = Since(world, fault)
    with fault.happen(world):
        since.began = time.time()
        report.say("it happened; awaiting the alert")
        since.await_alerts(fault.alerts)
    since.healed = time.time()
    report.say("healed; awaiting calm")
    since.await_calm()
    return since.outcome()


class Since:
    """What happened during one part of the story, by Prometheus' own record of its alerts."""

    def __init__(self, world: World, fault: Fault) -> None:
        self._world = world
        self._fault = fault
        self._start = self.began = self.healed = time.time()
        self._told = len(world.receiver.notifications)
        self._messages = len(world.receiver.messages)

    def _firing(self) -> dict[str, list[float]]:
        """Times at which each alert fired that is asked for, in order."""
        times: dict[str, list[float]] = {}
        recorded = 'ALERTS{alertstate="firing"}'
        for series in self._world.prometheus.samples(recorded, time.time() - self._start + 1):
            if self._is_asked_for(series["metric"]):
                fired = [at for at, _ in series["values"] if at >= self._start]
                times.setdefault(series["metric"]["alertname"], []).extend(fired)
        return {name: sorted(fired) for name, fired in times.items() if fired}

    def _is_asked_for(self, labels: dict[str, str]) -> bool:
        """Say whether an alert alarms somebody, or is to fire although it does not."""
        return labels["severity"] not in QUIET or labels["alertname"] in self._fault.alerts

    def await_alerts(self, names: frozenset[str]) -> None:
        """Await that these fire, and that people are told of each or something inhibits it."""
        wait_for(
            lambda: names <= self._firing().keys() and names <= self._handled(),
            PATIENCE,
            interval=0.2,
        )

    def _handled(self) -> set[str]:
        told = self._world.receiver.notifications[self._told :]
        return {n.name for n in told} | self._world.alertmanager.inhibited()

    def await_calm(self) -> None:
        """Await that no alert fires, and that none of those that may is about to."""
        wait_for(lambda: not self._restless(), PATIENCE, interval=0.2)

    def _restless(self) -> set[str]:
        own = self._fault.alerts | self._fault.consequences
        return {
            labels["alertname"]
            for alert in self._world.prometheus.alerts()
            if self._is_asked_for(labels := alert["labels"])
            and (alert["state"] == "firing" or labels["alertname"] in own)
        }

    def outcome(self) -> Outcome:
        """Sum up, with seconds after the fault and after its end."""
        restless = self._restless()
        firing = self._firing()
        messages = self._world.receiver.messages[self._messages :]
        return Outcome(
            name=self._fault.name,
            expected=self._fault.alerts,
            tolerated=self._fault.consequences,
            detected={name: times[0] - self.began for name, times in firing.items()},
            resolved={
                name: max(times[-1] - self.healed, 0.0)
                for name, times in firing.items()
                if name not in restless
            },
            messages=sum(message.is_alarm for message in messages),
        )


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
