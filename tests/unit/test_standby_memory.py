"""A standby's lag never begins before it was last seen caught up."""

from __future__ import annotations

from pg_migration_exporter.collectors.replication import LAG_SECONDS, standby
from pg_migration_exporter.metrics.families import FamilySamples
from tests.fixtures.clock import SetClock


def corrected(memory: standby.StandbyMemory, value: float, replica: str = standby.SELF) -> float:
    lag = FamilySamples(LAG_SECONDS)
    lag.add(value, replica)
    memory.limit_lag(lag)
    [(_, shown)] = lag.samples
    assert isinstance(shown, float)
    return shown


def test_nothing_is_corrected_before_it_was_seen_caught_up() -> None:
    assert corrected(standby.StandbyMemory(), 7200.0) == 7200.0


def test_an_idle_primary_that_writes_again_makes_no_lag_of_hours() -> None:
    clock = SetClock()
    memory = standby.StandbyMemory(clock=clock)
    assert corrected(memory, 0.0) == 0.0
    clock.now += 15
    assert corrected(memory, 7200.0) == 15.0
    clock.now += 15
    assert corrected(memory, 7215.0) == 30.0


def test_a_lag_that_is_shorter_stays() -> None:
    clock = SetClock()
    memory = standby.StandbyMemory(clock=clock)
    corrected(memory, 0.0)
    clock.now += 15
    assert corrected(memory, 3.0) == 3.0


def test_another_standby_is_not_touched() -> None:
    memory = standby.StandbyMemory()
    assert corrected(memory, 0.0, "other") == 0.0
    assert corrected(memory, 7200.0) == 7200.0
