"""Chains of waits: who is behind whom, directly or not."""

from __future__ import annotations

from typing import Any

from pg_migration_exporter.collectors.locks.chains import Chains, LockSession

_DEFAULTS: dict[str, Any] = {
    "datname": "game",
    "usename": "app",
    "application_name": "quest-service",
    "state": "active",
    "backend_start": 1.0,
    "transaction": 5.0,
    "statement": "SELECT",
    "lock": None,
    "locktype": "",
    "mode": "",
    "schemaname": "",
    "relname": "",
    "waited": 0.0,
    "blockers": None,
}


def session(pid: int, **traits: Any) -> LockSession:
    return LockSession(**{**_DEFAULTS, "pid": pid, **traits})


def waits(pid: int, *blockers: int, mode: str = "AccessShareLock", **traits: Any) -> LockSession:
    """A session that waits for a lock of the table quests."""
    wanted = {"lock": "relation 1 2", "locktype": "relation", "mode": mode, "relname": "quests"}
    return session(pid, **{**wanted, "blockers": blockers, "waited": 1.0, **traits})


def test_readers_behind_an_alter_behind_a_reader() -> None:
    alter = waits(2, 1, mode="AccessExclusiveLock", application_name="psql", waited=9.0)
    chains = Chains.of([alter, waits(3, 2), waits(4, 2), session(1)])

    assert chains.blocked("game") == 3
    assert chains.blocking("game") == 2
    assert chains.longest("game", advisory=False) == 9.0
    assert chains.behind_migrations("game", ["liquibase"]) == 2
    assert [root.pid for root in chains.roots()] == [1]
    assert chains.behind(1) == [2, 3, 4]
    assert chains.queues("game") == {("", "quests"): 3}
    tree = chains.tree(1)
    assert [waiter["pid"] for waiter in tree["waiters"]] == [2]
    assert [waiter["pid"] for waiter in tree["waiters"][0]["waiters"]] == [3, 4]
    assert tree["waiters"][0]["waits_for"] == "AccessExclusiveLock on relation .quests"


def test_a_wait_to_become_the_leader_is_not_the_longest() -> None:
    election = {"lock": "advisory 1", "locktype": "advisory", "relname": ""}
    leader, alter = waits(2, 1, **election, waited=9000.0), waits(3, 1, waited=5.0)
    chains = Chains.of([leader, alter, session(1)])
    assert chains.longest("game", advisory=False) == 5.0
    assert chains.longest("game", advisory=True) == 9000.0


def test_behind_a_migration_by_its_name_through_somebody_else() -> None:
    row = {"lock": "transactionid 7", "locktype": "transactionid", "relname": ""}
    chains = Chains.of(
        [waits(2, 1, **row), waits(3, 2, **row), session(1, application_name="liquibase")]
    )
    assert chains.behind_migrations("game", ["liquibase"]) == 2
    assert chains.behind_migrations("game", ["flyway"]) == 0
    assert chains.behind_migrations("other", ["liquibase"]) == 0


def test_a_wait_that_was_not_examined_is_behind_the_first_for_its_lock() -> None:
    alter = waits(2, 1, mode="AccessExclusiveLock")
    crowd = [waits(pid, blockers=None) for pid in range(3, 500)]
    chains = Chains.of([alter, *crowd, session(1)])
    assert chains.behind_migrations("game", []) == len(crowd)
    assert len(chains.behind(1)) == len(crowd) + 1


def test_a_deadlock_and_a_queue_of_alters_end() -> None:
    assert Chains.of([waits(1, 2), waits(2, 1)]).roots() == []
    alters = [waits(pid, *range(1, pid), mode="ShareLock") for pid in range(2, 60)]
    chains = Chains.of([*alters, session(1)])
    assert chains.behind_migrations("game", []) == len(alters) - 1
    assert len(chains.tree(1)["waiters"]) == len(alters)
