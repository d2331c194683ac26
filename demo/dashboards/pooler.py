"""PgBouncer in the world of the demo, seen by the exporter while the dashboards are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from demo.stack.waiting import wait_until
from demo.world import World

_PATIENCE = 60
_TRAFFIC = "rate(pgbouncer_stats_totals_queries_pooled_total[15s])"


@contextmanager
def watched_pooler(world: World) -> Iterator[None]:
    """Have the exporter ask PgBouncer too, until Prometheus has its traffic; leaving undoes it.

    Not from the start: most faults of the scenarios make clients of PgBouncer wait sooner or later,
    and whether an alert says so within a fault's seconds is a matter of luck.
    """
    before = world.exporter.settings()
    console = world.pooler.database("pgbouncer").conninfo()
    world.exporter.reload(before | {"pgbouncer": {"dsn": console}})
    wait_until(lambda: world.prometheus.query(_TRAFFIC), _PATIENCE, "PgBouncer's traffic is seen")
    try:
        yield
    finally:
        world.exporter.reload(before)
        wait_until(
            lambda: not world.prometheus.query("pgbouncer_up"), _PATIENCE, "PgBouncer is not asked"
        )
