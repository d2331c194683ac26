"""A week of an ordinary server in which nothing is wrong, played by promtool.

The load ramps up each morning; the database is dumped each night, backed up before it, and vacuumed
on Sunday; a release runs every 90 minutes of the day; the exporter's pod is replaced, and now
and then a scrape is lost. Beside it are a server with an idle database, on which
a statement is slow once an hour, and a standby that is delayed on purpose.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bundle.quiet_servers import Series, delayed, idle, log_pipeline, primary
from tests.bundle.quiet_times import WEEK, is_deployed, is_lost

JOB = "pg-migration-exporter"
#: Minutes between two scrapes, and two evaluations: fewer would take promtool minutes for a day.
STEP = 5
#: What somebody is told: not what is for the record, or never notified. The guide's alert fires for
#: the delayed standby, and is silenced.
_NOTIFIED = """
count by (alertname, instance) (
  max_over_time(
    (
      ALERTS{{alertstate="firing", severity!~"info|none"}}
      unless on (job, instance, replica) ALERTS{{alertname="PostgresStandbyDelayed", replica!=""}}
    )[{length}]
  )
)
"""


def quiet(end: int) -> Iterator[Mapping[str, Any]]:
    """Yield the series until a minute, in promtool's notation."""
    servers = {"db1:9886": primary, "db2:9886": idle, "db3:9886": delayed}
    for instance, series in servers.items():
        for each in series():
            yield from _pods(each, f'job="{JOB}", instance="{instance}"', end)
    for each in log_pipeline():
        target = 'job="pg-migration-logs", instance="db2:9887"'
        yield {"series": _selector(each.name, target), "values": " ".join(_samples(each, 0, end))}


def _pods(series: Series, target: str, end: int) -> Iterator[Mapping[str, Any]]:
    """Yield the series of each pod in turn; while one replaces another, there are both."""
    replaced = [0, *(at for at in range(0, end, STEP) if is_deployed(at)), end]
    for number, (begin, until) in enumerate(pairwise(replaced)):
        first = begin if series.is_own else 0
        samples = [*_samples(series, first, min(until + STEP, end))][(begin - first) // STEP :]
        values = [*["_"] * (begin // STEP), *samples, *(["stale"] if until < end else [])]
        pod = f'{target}, pod="exporter-{number}"'
        yield {"series": _selector(series.name, pod), "values": " ".join(values)}


def _samples(series: Series, begin: int, end: int) -> Iterator[str]:
    total = 0.0
    for minute in range(begin, end, STEP):
        value = series.value(minute)
        total += sum(series.value(minute - ago) or 0.0 for ago in range(STEP))
        if is_lost(minute):
            yield "0" if series.name == "up" else "stale"
        elif value is None:
            yield "stale"
        else:
            yield f"{total if series.is_counter else value:.9g}"


def _selector(name: str, target: str) -> str:
    base, _, labels = name.removesuffix("}").partition("{")
    return f"{base}{{{', '.join(filter(None, [target, labels]))}}}"


def notified(end: int, folder: Path) -> str:
    """Play all rules until a minute; return what promtool says if anybody is notified."""
    last = f"{end - STEP}m"
    news = 'count(max_over_time(ALERTS{alertname="MigrationSucceeded"}[1d]))'
    expressions = [
        {"expr": _NOTIFIED.format(length=f"{end}m:{STEP}m"), "eval_time": last},
        {"expr": news, "eval_time": last, "exp_samples": [{"labels": "{}", "value": 1}]},
    ]
    # A little less than a step: a range holds the sample on its left edge in Prometheus 3 too.
    interval = f"{STEP * 60_000 - 1}ms"
    test = {"interval": interval, "input_series": [*quiet(end)], "promql_expr_test": expressions}
    rules = [str(file) for file in sorted(Path("alerts").absolute().glob("*.yaml"))]
    file = folder / "quiet.yaml"
    content = {"rule_files": rules, "evaluation_interval": f"{STEP}m", "tests": [test]}
    file.write_text(json.dumps(content))
    command = ["promtool", "test", "rules", str(file)]
    environment = os.environ | {"GOGC": "800"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def main() -> int:
    """Play a whole week; 1 if anybody is notified."""
    with TemporaryDirectory() as folder:
        said = notified(WEEK, Path(folder))
    print(said or "Nobody is notified of anything in a quiet week.")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
