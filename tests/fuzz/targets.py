"""What is fuzzed. Each target raises only for a defect."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from pg_migration_exporter.config import Settings, load_settings
from pg_migration_exporter.engine.fleet import Fleet
from pg_migration_exporter.engine.reloader import Reloader
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.liquibase.changelog import read_changelog
from pg_migration_exporter.liquibase.logs.log_error import LogError, parse_log_errors
from pg_migration_exporter.liquibase.reports.report import Report, latest_report, parse_report
from pg_migration_exporter.liquibase.reports.reported_run import reported_run
from pg_migration_exporter.metrics.exposition import OPENMETRICS, PROMETHEUS, Renderer
from pg_migration_exporter.metrics.families import Family, FamilySamples
from pg_migration_exporter.metrics.refusals import Refusals
from pg_migration_exporter.postgres.rows import KEEP_ANY_BYTES
from pg_migration_exporter.web.app import create_app
from pg_migration_exporter.web.limits import Limits
from tests.fixtures.http_server import serving
from tests.fixtures.raw_http import connected, request
from tests.fixtures.reports import make_report
from tests.fuzz.inputs import Inputs, damaged, json_with_keys

Try = Callable[[bytes], None]


@dataclass(frozen=True)
class Target:
    """Inputs, and `start`, which yields what tries one of them."""

    inputs: Inputs
    start: Callable[[], AbstractContextManager[Try]]


_TOKEN = "0123456789abcdef"
_BEARER = f"Authorization: Bearer {_TOKEN}"
_REPORT = make_report().model_dump_json()
_REQUESTS = (
    *(request(path) for path in ("/", "/metrics", "/healthz", "/sd", "/probe?target=a", "/no")),
    request("/api/v1/status?target=%00", "Cookie: a=b", "Connection: keep-alive"),
    request("/-/reload", "Origin: null", method="POST"),
    request("/api/v1/reports", _BEARER, f"Content-Length: {len(_REPORT)}", method="POST")
    + _REPORT.encode(),
    request("/api/v1/log-errors", _BEARER, "Transfer-Encoding: chunked", method="POST")
    + b"2\r\n[]\r\n0\r\n\r\n",
)


@contextmanager
def _http() -> Iterator[Try]:
    """The real application, whose database is away."""
    with tempfile.TemporaryDirectory() as folder:
        token_file = Path(folder) / "token"
        token_file.write_text(_TOKEN)
        settings = Settings.model_validate(
            {
                "postgres": {"dsn": "host=127.0.0.1 port=1"},
                "watch": {"enabled": False},
                "scrape": {"timeout": 0.1},
                "state_directory": folder,
                "reports": {"endpoint": {"token_file": token_file, "log_errors": True}},
            }
        )
        fleet, refusals = Fleet(settings), Refusals()
        app = create_app(fleet, Reloader(settings, lambda: settings, fleet, None), refusals)
        moment = Limits(64, 8, head_time=0.5, body_time=0.3, idle_time=0.05, unread_time=1.0)
        with serving(app, moment) as server:

            def try_request(content: bytes) -> None:
                with connected(server.port) as [client]:
                    answer = client.ask(content)
                assert 500 not in answer.statuses
                with connected(server.port) as [client]:
                    healthy = client.ask(request("/healthz", "Connection: close"))
                assert healthy.statuses == [200]

            yield try_request


def _try_report(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        report = parse_report(content).received_at(time.time())
        assert latest_report([report, make_report()])
        assert reported_run(report).run_id
        assert parse_report(report.model_dump_json()).run_id == report.run_id
    with contextlib.suppress(ValueError):
        for error in parse_log_errors(content):
            assert str(error).isprintable()


_CHANGELOGS = {
    "xml": b'<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog"><property name='
    b'"a" value="b"/><changeSet id="1" author="${a}" labels="x or y"><sql>SELECT 1</sql>'
    b'</changeSet><include file="m.sql"/></databaseChangeLog>',
    "yaml": b"databaseChangeLog:\n- property: {name: a, value: b}\n- changeSet:\n    id: 1\n    "
    b"author: ${a}\n    changes:\n    - sql: {sql: SELECT 1}\n- include: {file: m.xml}\n",
    "json": b'{"databaseChangeLog": [{"changeSet": {"id": "1", "author": "a", "changes": [{"sql": '
    b'{"sql": "SELECT 1"}}]}}, {"includeAll": {"path": "."}}]}',
    "sql": b"--liquibase formatted sql\n--property name:a value:b\n--changeset a:1 labels:x "
    b'context:"a and b"\nSELECT 1;\n--rollback SELECT 2;\n--precondition-sql-check '
    b"expectedResult:1 SELECT 1\n",
}


def _try_changelog(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for suffix in _CHANGELOGS:
            (Path(folder) / f"m.{suffix}").write_bytes(content)
        for suffix in _CHANGELOGS:
            changelog = read_changelog(f"m.{suffix}", [Path(folder)])
            assert not any("reader failed" in finding.summary for finding in changelog.findings)


_CONFIGURATION = (
    Path(__file__).parents[2] / "exporter/pg_migration_exporter/config/example.yaml"
).read_bytes()


def _try_configuration(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_bytes(content)
        with contextlib.suppress(ConfigError):
            load_settings(file, dsn="host=db")


_FAMILY = Family("fuzzed", "gauge", "Fuzzed.", ("name", "text"))


def _try_rows(content: bytes) -> None:
    """Render a row with these bytes in its labels, as text of a database in SQL_ASCII has them."""
    text = content.decode("utf-8", KEEP_ANY_BYTES)
    samples = FamilySamples(_FAMILY)
    samples.add(1, text, text[::-1])
    for form, parse in (
        (PROMETHEUS, text_string_to_metric_families),
        (OPENMETRICS, openmetrics.text_string_to_metric_families),
    ):
        page = Renderer().render([samples], form) + form.end
        page.encode()
        parsed: list[Any] = [*parse(page)]
        assert len(parsed) == 1


TARGETS = {
    "http": Target(damaged(*_REQUESTS), _http),
    "report": Target(
        damaged(_REPORT.encode(), b'[{"time": 1, "pid": 2, "severity": "ERROR"}]')
        | json_with_keys(*Report.model_fields, *LogError.model_fields),
        lambda: nullcontext(_try_report),
    ),
    "changelog": Target(damaged(*_CHANGELOGS.values()), lambda: nullcontext(_try_changelog)),
    "configuration": Target(
        damaged(_CONFIGURATION) | json_with_keys(*Settings.model_fields),
        lambda: nullcontext(_try_configuration),
    ),
    "rows": Target(st.binary(max_size=2000), lambda: nullcontext(_try_rows)),
}
