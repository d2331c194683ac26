"""A password whose @ or / is not percent-encoded ends up in what a URL's parser takes for a host.

Such URLs are refused, and neither the refusal nor anything else repeats a part of them.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from pg_migration_exporter.config import Settings, load_settings
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.liquibase.reports.report import Failure, RunTarget
from pg_migration_exporter.liquibase.wrapper.connection_target import read_target
from pg_migration_exporter.liquibase.wrapper.jdbc import parse_jdbc_url
from pg_migration_exporter.liquibase.wrapper.options import LiquibaseOptions
from pg_migration_exporter.liquibase.wrapper.sinks import configured_sinks
from pg_migration_exporter.log import redact
from testbed.programs import exporter_command

#: Parts of the password that must not appear.
PARTS = ("s3cret", "w0rd")
AMBIGUOUS = [
    "postgresql://watcher:s3cret@w0rd@127.0.0.1/quests",
    "postgres://watcher:s3cret/w0rd@127.0.0.1/quests",
    "postgresql://watcher:99/w0rd@127.0.0.1:1/quests",
    "postgresql://watcher:@w0rd@127.0.0.1/quests",
    "postgresql://watcher:s3cret/w0rd?x=1@127.0.0.1/quests",
    "postgresql://s3cret@w0rd@127.0.0.1",
    "host=s3cret@w0rd dbname=quests",
    "host=127.0.0.1 port=s3cret",
    "postgresql://127.0.0.1:s3cret",
]
UNAMBIGUOUS = [
    "postgresql://watcher:s3cret%40w0rd%2F@127.0.0.1:5432/quests",
    "postgresql://watcher:s3?cret@127.0.0.1/quests?application_name=a%40b",
    "postgresql://watcher@a.example.com:5432,[::1]:5433/quests?sslrootcert=/etc/a@b/ca.crt",
    "postgresql:///quests?host=/run/postgresql",
    "host=/run/postgresql,@abstract dbname=a@b password=s3cret@w0rd/",
    "service=main",
    "",
]


def tells(text: str) -> bool:
    return any(part in text for part in PARTS)


@pytest.mark.parametrize("dsn", AMBIGUOUS)
@pytest.mark.parametrize(
    "key", ["--dsn", "postgres.dsn", "pgbouncer.dsn", "reports.dsn", "targets.0.postgres.dsn"]
)
def test_an_ambiguous_dsn_is_refused(tmp_path: Path, key: str, dsn: str) -> None:
    file = tmp_path / "config.yaml"
    text = f"'{dsn}'"
    for part in reversed(key.split(".")):
        text = f"[{{name: a, {text[1:-1]}}}]" if part == "0" else f"{{{part}: {text}}}"
    file.write_text("{}" if key == "--dsn" else text)
    with pytest.raises(ConfigError) as raised:
        load_settings(file, dsn={"--dsn": dsn, "reports.dsn": "host=db"}.get(key))
    assert key in str(raised.value)
    assert not tells(str(raised.value))


@pytest.mark.parametrize("dsn", UNAMBIGUOUS)
def test_other_dsns_are_accepted(dsn: str) -> None:
    settings = load_settings(dsn=dsn)
    assert settings.postgres.dsn is not None
    assert settings.postgres.dsn.get_secret_value() == dsn


@pytest.mark.parametrize("command", [("serve", "--check-config"), ("serve",), ("explain",)])
def test_no_command_repeats_it(command: tuple[str, ...]) -> None:
    ended = subprocess.run(
        [exporter_command(), *command, "--dsn", AMBIGUOUS[0]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
    assert "%40" in ended.stderr
    assert not tells(ended.stdout + ended.stderr)


@pytest.mark.parametrize("dsn", AMBIGUOUS[:2])
def test_the_wrapper_does_not_report_with_it(dsn: str) -> None:
    settings = Settings.model_validate({"reports": {"table": True, "dsn": dsn}})
    [sink] = configured_sinks(settings.reports, LiquibaseOptions("update", ()))
    with pytest.raises(ConfigError) as raised:
        sink.send(None)  # type: ignore[arg-type]
    assert not tells(str(raised.value))


@pytest.mark.parametrize(
    "url",
    [
        "jdbc:postgresql://u:s3cret@w0rd@db/quests",
        "jdbc:postgresql://u:1/s3cret@db/quests",
        "jdbc:postgresql://s3cret@w0rd/quests",
    ],
)
def test_a_jdbc_url_with_a_user_is_not_read(url: str) -> None:
    """The driver knows none before the host (jdbc.postgresql.org, "Connecting to the Database")."""
    assert parse_jdbc_url(url) is None
    options = LiquibaseOptions("update", ([("liquibaseurl", url)],))
    assert not tells(read_target(options).model_dump_json())


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:s3cret@files/w.xml", "https://files/w.xml"),
        ("https://u:s3cret@w0rd@files/w.xml", "https://files/w.xml"),
        ("https://s3cret@files/w.xml?signature=w0rd#w0rd", "https://files/w.xml"),
        ("s3://bucket/db/root.xml?s3cret", "s3://bucket/db/root.xml"),
        ("db/a@b/root?.xml", "db/a@b/root?.xml"),
        ("classpath:db/root.xml", "classpath:db/root.xml"),
    ],
)
def test_the_changelog_file_of_a_report_has_no_credentials(url: str, shown: str) -> None:
    options = LiquibaseOptions("update", ([("liquibasechangelogfile", url)],))
    assert read_target(options).changelog_file == shown
    # A report of another version, or of anybody.
    assert RunTarget.model_validate_json(f'{{"changelog_file": "{url}"}}').changelog_file == shown


def test_the_reason_of_a_report_has_no_password() -> None:
    text = "cannot connect to postgresql://u:s3cret@w0rd/@db/quests with password=s3cret"
    assert not tells(Failure(reason=text).reason)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://watcher:s3cret@w0rd@db/quests",
        "postgresql://watcher:s3cret/w0rd@db/quests",
        "jdbc:postgresql://watcher:s3cret:w0rd@db/quests",
        "(https://watcher:s3cret@w0rd@db/)",
    ],
)
def test_a_password_is_hidden_up_to_the_last_at(text: str) -> None:
    assert not tells(redact(text))


@pytest.mark.parametrize(
    "text", ["://:" * 50_000, "password" * 50_000, "password=" * 50_000, "password='" * 50_000]
)
def test_hiding_takes_linear_time(text: str) -> None:
    started = time.monotonic()
    redact(text)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "url",
    [
        "http://:s3cret@exporter",
        "http://watcher:s3cret/w0rd@exporter",
        "http://watcher:1/w0rd@exporter",
        "http://exporter:s3cret",
        "javascript:s3cret",
    ],
)
@pytest.mark.parametrize("key", ["reports.endpoint.url", "status.runbooks"])
def test_a_url_with_a_password_is_refused(tmp_path: Path, key: str, url: str) -> None:
    file = tmp_path / "config.yaml"
    *sections, name = key.split(".")
    text = f"{name}: '{url}'"
    for section in reversed(sections):
        text = f"{section}: {{{text}}}"
    file.write_text(text)
    with pytest.raises(ConfigError, match="not a URL") as raised:
        load_settings(file, dsn="host=db")
    assert not tells(str(raised.value))


@pytest.mark.parametrize(
    "url", ["http://watcher:s3cret@127.0.0.1:1", "http://watcher:1/w0rd@127.0.0.1:1"]
)
@pytest.mark.parametrize("command", ["watch", "verify"])
def test_a_url_of_an_option_is_not_repeated(command: str, url: str) -> None:
    ended = subprocess.run(
        [exporter_command(), command, "--url", url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert not tells(ended.stdout + ended.stderr)
