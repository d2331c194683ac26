from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pg_migration_exporter.bundle.rule_metrics import Rule, rules
from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.bundle.verify import verify
from pg_migration_exporter.reference.catalogue import FAMILIES
from testbed.database import Database
from tests.bundle.conftest import Cli
from tests.fixtures.exporters import StartExporter

PAGE = """\
# HELP liquibase_migration_status State of the migration.
# TYPE liquibase_migration_status gauge
liquibase_migration_status{datname="game",changelog="public.databasechangelog",status="failed"} 0
liquibase_migration_status{datname="game",changelog="public.databasechangelog",status="pending"} 1
# HELP postgres_query_duration_seconds Latency of statements.
# TYPE postgres_query_duration_seconds histogram
postgres_query_duration_seconds_bucket{datname="game",source="statements",le="0.1"} 3
postgres_query_duration_seconds_bucket{datname="game",source="statements",le="+Inf"} 4
postgres_query_duration_seconds_sum{datname="game",source="statements"} 1.5
postgres_query_duration_seconds_count{datname="game",source="statements"} 4
# HELP postgres_connection_pool_utilization Used share of a pool.
# TYPE postgres_connection_pool_utilization gauge
postgres_connection_pool_utilization{pool_type="server",pool="server"} 0.1
# HELP postgres_index_build_duration_seconds Elapsed time of a build in progress.
# TYPE postgres_index_build_duration_seconds gauge
# HELP postgres_replication_lag_seconds Time by which a standby is behind.
# TYPE postgres_replication_lag_seconds gauge
postgres_replication_lag_seconds{replica="standby1"} 0
# HELP postgres_up Whether the server answers.
# TYPE postgres_up gauge
postgres_up 1
# HELP migration_exporter_collector_success Whether a collector worked.
# TYPE migration_exporter_collector_success gauge
migration_exporter_collector_success{collector="liquibase"} 1
"""


#: With everything else that the exporter declares, without series.
COMPLETE = PAGE + "".join(
    f"# HELP {family.name} Declared.\n# TYPE {family.name} {family.type}\n"
    for family in FAMILIES
    if f"# HELP {family.name} " not in PAGE
)


class Site(ThreadingHTTPServer):
    """An HTTP server on a free port of loopback that answers with its `page`."""

    page = COMPLETE
    status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/metrics"


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.page.encode())

    def log_message(self, *_args: object) -> None:
        """Keep the test's output to the test."""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_metrics_of_an_expression_come_from_its_syntax() -> None:
    rule = Rule(
        "Any",
        'sum by (job) (rate(a_total{b="c_total"}[5m])) / on (job) group_left max(d) > bool 0.5'
        ' or absent(e{f="g"} offset 1h)',
    )
    assert rule.metrics() == ["a_total", "d", "e"]


def test_every_rule_reads_metrics() -> None:
    assert [rule.name for rule in rules(load_values()) if not rule.metrics()] == ["Watchdog"]


@pytest.mark.parametrize(
    ("expression", "status", "series"),
    [
        ("postgres_up == 0", "found", 1),
        ("liquibase_migration_status == 1", "found", 2),
        ("rate(postgres_query_duration_seconds_bucket[5m])", "found", 2),
        ("postgres_index_build_duration_seconds", "declared", 0),
        ("up == 0", "prometheus", 0),
        ("rate(postgres_log_messages_total[5m]) > 1", "logs", 0),
        ("rate(postgres_log_event_duration_seconds_sum[5m]) > 1", "logs", 0),
        ("fluentbit_output_errors_total > 0", "logs", 0),
        ("postgres_query_duration_seconds", "missing", 0),
        ("postgres_down", "missing", 0),
    ],
)
def test_status_of_a_metric(expression: str, status: str, series: int) -> None:
    (finding,) = verify([Rule("Any", expression)], PAGE)
    assert (finding.status, finding.series) == (status, series)


def test_what_the_exporter_should_publish_is_missing_although_the_log_tells_it_too() -> None:
    (finding,) = verify([Rule("Any", "postgres_query_duration_seconds_sum")], "up 1\n")
    assert finding.status == "missing"


def test_histograms_and_counters_without_series_are_declared() -> None:
    page = "# HELP a A.\n# TYPE a histogram\n# HELP b_total B.\n# TYPE b_total counter\n"
    expression = "a_bucket + a_sum + a_count + b_total"
    findings = verify([Rule("Any", expression)], page)
    assert {finding.metric: finding.status for finding in findings} == {
        "a_bucket": "declared",
        "a_count": "declared",
        "a_sum": "declared",
        "b_total": "declared",
    }


def test_real_exporter_publishes_what_the_rules_read(
    cli: Cli, start_exporter: StartExporter, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    exporter = start_exporter(database)
    assert cli("verify", "--url", f"{exporter.url}/metrics") == 0
    by_metric = dict(line.split(maxsplit=2)[1:] for line in capsys.readouterr().out.splitlines())
    assert by_metric["postgres_up"].startswith("found")
    assert by_metric["postgres_index_build_duration_seconds"].startswith("declared")


def test_complete_page_is_verified(
    cli: Cli, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("verify", "--url", site.url) == 0
    table = capsys.readouterr().out
    for rule in rules(load_values()):
        assert rule.name in table or not rule.metrics()
    assert "declared, no series now" in table
    assert "MISSING" not in table


def test_missing_metric_is_named(cli: Cli, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.page = COMPLETE.replace("postgres_replication_lag_seconds", "pg_replication_lag_seconds")
    assert cli("verify", "--url", site.url) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if "MISSING" in line]
    assert {line.split()[1] for line in lines} == {"postgres_replication_lag_seconds"}
    assert {line.split()[0] for line in lines} == {
        "DatabaseReplicationLagHigh",
        "target:postgres_replication_lag_beyond_delay:seconds",
    }


@pytest.mark.parametrize("page", ["<html>login</html>", 'a{b="c', "a b c", "=1", '{"a":1}'])
def test_page_that_is_no_page_of_an_exporter(
    cli: Cli, site: Site, capsys: pytest.CaptureFixture[str], page: str
) -> None:
    site.page = page
    assert cli("verify", "--url", site.url) == 2
    assert "not a page in Prometheus' text format" in capsys.readouterr().err


def test_refusing_server_is_named_with_its_answer(
    cli: Cli, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.status = 503
    assert cli("verify", "--url", site.url) == 2
    error = capsys.readouterr().err
    assert site.url in error
    assert "Service Unavailable" in error


def test_nobody_at_the_url(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as freed:
        port = freed.getsockname()[1]
    assert cli("verify", "--url", f"http://127.0.0.1:{port}/metrics") == 2
    assert "Connection refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "metrics",
        "http://",
        "http://[::1",
        "http://user:hidden@localhost/metrics",
        "http://user:hidden@[",
    ],
)
@pytest.mark.parametrize("command", ["verify", "watch"])
def test_unusable_url_is_refused_and_no_password_repeated(
    cli: Cli, capsys: pytest.CaptureFixture[str], command: str, url: str
) -> None:
    assert cli(command, "--url", url) == 2
    error = capsys.readouterr().err
    assert "not an http or https URL" in error
    assert "hidden" not in error
