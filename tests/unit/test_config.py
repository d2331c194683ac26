"""The configuration: what is accepted, and the errors for the rest."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from pg_migration_exporter.config import Settings, load_settings
from pg_migration_exporter.config.value_types import parse_duration, split_address
from pg_migration_exporter.engine.plan import select_collectors
from pg_migration_exporter.errors import ConfigError

DSN = "postgresql://watcher@db.example:5432/quests"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def test_the_example_holds_every_key_with_its_default() -> None:
    text = files("pg_migration_exporter.config").joinpath("example.yaml").read_text()
    example = yaml.safe_load(text)
    assert Settings.model_validate(example) == Settings()
    assert set(paths_of(example)) == set(paths_of(Settings().model_dump(by_alias=True)))


def paths_of(tree: dict[str, object], prefix: str = "") -> list[str]:
    """The keys that hold a value; a mapping whose keys are the user's is empty."""
    return [
        path
        for key, value in tree.items()
        for path in (
            paths_of(value, f"{prefix}{key}.")
            if isinstance(value, dict) and value
            else [f"{prefix}{key}"]
        )
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("10s", 10), ("1m", 60), ("2h", 7200), ("1d", 86400), ("1.5s", 1.5), ("7", 7)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9886", ("127.0.0.1", 9886)),
        ("[::1]:9886", ("::1", 9886)),
        (":9886", ("", 9886)),
        ("exporter.example:80", ("exporter.example", 80)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert split_address(text) == address


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("scrape: {timeot: 5s}", "scrape.timeot: unknown key; did you mean timeout?"),
        ("xyzzy: blue", "xyzzy: unknown key; known keys: baseline, checks, checks_files, "),
        ("liquibase: {changelogs: [{fil: a}]}", "liquibase.changelogs.0.fil: unknown key"),
        ("scrape: {timeout: soon}", "scrape.timeout: not a duration; write a number with a unit"),
        ("scrape: {timeout: 0}", "scrape.timeout: input should be greater than 0"),
        ("listen: 9886", "listen: input should be a valid string"),
        ("listen: nowhere", "listen: not an address; write HOST:PORT"),
        ("listen: ':99999'", "listen: not an address; write HOST:PORT"),
        ("reports: {endpoint: {url: 'db:1'}}", "reports.endpoint.url: not a URL; write http://"),
        ("reports: {endpoint: {url: 'http://u:p@h'}}", "reports.endpoint.url: not a URL; write"),
        ("reports: {endpoint: {url: 'http://h:x'}}", "reports.endpoint.url: not a URL; write"),
        ("log: {level: loud}", "log.level: input should be 'debug', 'info', 'warning' or 'error'"),
        ("log: {}\nlisten: ':1'\nlog: {}", ":3:1: not valid YAML: duplicate key log"),
        ("log: {}\n[log]: {}", ":2:1: not valid YAML: a key cannot be a list or a mapping"),
        ("[1, 2]", "contains a list; it must be a mapping of keys"),
        ("a: [1", ":1:6: not valid YAML: "),
    ],
)
def test_what_is_wrong_is_said_with_file_and_key(file: Path, content: str, message: str) -> None:
    file.write_text(content)
    with pytest.raises(ConfigError) as raised:
        load_settings(file, dsn=DSN)
    assert str(raised.value).startswith(str(file))
    assert message in str(raised.value)


def test_every_problem_has_a_line(file: Path) -> None:
    file.write_text("scrape: {timeot: 5s}\nlog: {level: loud}\n")
    with pytest.raises(ConfigError) as raised:
        load_settings(file, dsn=DSN)
    assert len(str(raised.value).splitlines()) == 2


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.yaml: cannot be read: No such file"):
        load_settings(tmp_path / "missing.yaml", dsn=DSN)


@pytest.mark.parametrize("dsn", ["postgresql://u:s3cret@[h/db", "password=s3cret nonsense"])
def test_a_dsn_that_cannot_be_read_is_not_repeated(dsn: str) -> None:
    with pytest.raises(ConfigError, match="--dsn: not a libpq connection string") as raised:
        load_settings(dsn=dsn)
    assert "s3cret" not in str(raised.value)


def test_a_server_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="no server is configured: use --dsn"):
        load_settings()
    monkeypatch.setenv("PGHOST", "db.example")
    assert load_settings().postgres.dsn is None


def test_options_win_over_the_file(file: Path) -> None:
    file.write_text(f"listen: ':1'\npostgres: {{dsn: '{DSN}', connect_timeout: 1s}}\n")
    settings = load_settings(file, dsn="host=other", overrides={"listen": ":2"})
    assert settings.listen == ":2"
    assert settings.postgres.dsn is not None
    assert settings.postgres.dsn.get_secret_value() == "host=other"
    assert settings.postgres.connect_timeout == 1


def test_secrets_are_not_in_the_settings_repr() -> None:
    assert "s3cret" not in repr(load_settings(dsn="postgresql://u:s3cret@h/db"))


def test_an_unknown_collector_is_named_with_the_closest(file: Path) -> None:
    file.write_text("collectors: {disabled: [lock]}")
    with pytest.raises(ConfigError, match=r"collectors.disabled: .*'lock'; did you mean locks\?"):
        select_collectors(load_settings(file, dsn=DSN))


def test_two_pools_of_one_name_are_refused(file: Path) -> None:
    file.write_text(
        "pools:\n  - {name: quests, max_connections: 5}\n  - {name: quests, max_connections: 6}\n"
    )
    with pytest.raises(ConfigError, match=r"pools: two pools have the name 'quests'"):
        load_settings(file, dsn=DSN)


def test_the_console_of_pgbouncer_needs_a_connection_string(file: Path) -> None:
    file.write_text("pgbouncer: {dsn: 'not one'}")
    with pytest.raises(
        ConfigError, match=r"pgbouncer\.dsn: not a libpq connection string"
    ) as caught:
        load_settings(file, dsn=DSN)
    assert "not one" not in str(caught.value)
