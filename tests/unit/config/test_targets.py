"""The settings of each target: values that a reload compares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pg_migration_exporter.config import Settings, load_settings
from pg_migration_exporter.config.servers import servers_in_dsn
from pg_migration_exporter.config.targets import settings_by_target
from pg_migration_exporter.errors import ConfigError

FILE: dict[str, Any] = {
    "postgres": {"dsn": "host=main", "connect_timeout": "1s"},
    "tables": {"top": 7, "interval": "5m"},
    "targets": [
        {
            "name": "shop",
            "postgres": {"dsn": "host=shop", "statement_timeout": "9s"},
            "databases": ["orders", "stock"],
            "tables": {"top": 3},
        }
    ],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def load(file: Path, **changes: Any) -> dict[str, Settings]:
    file.write_text(yaml.safe_dump(FILE | changes, sort_keys=False))
    return settings_by_target(load_settings(file))


def test_keys_of_a_target_are_over_those_of_the_file(file: Path) -> None:
    default, shop = load(file).values()
    assert shop.postgres.dsn is not None
    assert shop.postgres.dsn.get_secret_value() == "host=shop"
    assert (shop.postgres.connect_timeout, shop.postgres.statement_timeout) == (1, 9)
    assert (shop.tables.top, shop.tables.interval) == (3, 300)
    assert (default.tables.top, default.postgres.statement_timeout) == (7, 3)
    assert shop.databases.include == ("orders", "stock")
    assert default.databases.include == ()


@pytest.mark.parametrize(
    ("base", "own", "source"),
    [
        ({"password_env": "A"}, {}, {"password_env": "A"}),
        ({"password_env": "A"}, {"password_file": "b"}, {"password_file": Path("b")}),
        ({"password_file": "a"}, {"password_command": ["b"]}, {"password_command": ("b",)}),
        ({"password_file": "a"}, {"dsn": "host=h password=x"}, {}),
    ],
)
def test_the_password_of_one_server_is_not_sent_to_another(
    file: Path, base: dict[str, Any], own: dict[str, Any], source: dict[str, Any]
) -> None:
    target = {"name": "shop", "postgres": {"dsn": "host=shop"} | own}
    found = load(file, postgres={"dsn": "host=main"} | base, targets=[target])["shop"].postgres
    keys = ("password_file", "password_env", "password_command")
    assert {key: getattr(found, key) for key in keys if getattr(found, key)} == source


def test_each_of_several_targets_takes_the_reports_of_its_own_server(file: Path) -> None:
    default, shop = load(file).values()
    assert default.liquibase.servers == ("main:5432",)
    assert shop.liquibase.servers == ("shop:5432",)
    [remaining] = load(file, postgres={}).values()
    assert remaining.liquibase == shop.liquibase
    [alone] = load(file, targets=[]).values()
    assert alone.liquibase.servers == ()


def test_how_liquibase_names_the_server_of_a_target(file: Path) -> None:
    named = {"servers": ["PgBouncer:6432", "[::1]:5432"]}
    target = {"name": "shop", "postgres": {"dsn": "host=shop"}, "liquibase": named}
    assert load(file, targets=[target])["shop"].liquibase.servers == (
        "pgbouncer:6432",
        "localhost:5432",
    )


@pytest.mark.parametrize(
    ("dsn", "servers"),
    [
        ("", ("localhost:5432",)),
        ("host=/run/postgresql port=5433", ("localhost:5433",)),
        ("postgresql://u@[::1]:99/x", ("localhost:99",)),
        ("host=a,B port=1,2", ("a:1", "b:2")),
        ("host=a,b port=7", ("a:7", "b:7")),
        ("host=a,b", ("a:5432", "b:5432")),
        ("service=x", ()),
    ],
)
def test_the_servers_of_a_dsn(dsn: str, servers: tuple[str, ...]) -> None:
    assert servers_in_dsn(dsn) == servers


def test_what_a_reload_compares(file: Path) -> None:
    before = load(file)
    assert load(file) == before
    assert load(file, listen=":1", log={"level": "debug"}) == before
    other = load(file, tables={"top": 8})
    assert other["default"] != before["default"]
    assert other["shop"] != before["shop"]
    moved = load(file, targets=[{"name": "new", "postgres": {"dsn": "host=n"}}, *FILE["targets"]])
    assert {name: moved[name] for name in before} == before


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"name": "a"}, ":8: targets.0.postgres: field required"),
        ({"name": "a", "postgres": {}}, ":9: targets.0.postgres: a target needs its own dsn"),
        ({"name": "default", "postgres": {"dsn": "host=a"}}, "targets.0.name: 'default' is taken"),
        ({"name": "a b", "postgres": {"dsn": "host=a"}}, "targets.0.name: string should match"),
        (
            {"name": "a", "postgres": {"dsn": "x y"}},
            "targets.0.postgres.dsn: not a libpq connection",
        ),
        ({"name": "a", "labels": {"job": "b"}, "postgres": {"dsn": "x"}}, "the label job is set"),
        (
            {"name": "a", "postgres": {"dsn": "host=a"}, "listen": ":1"},
            ":11: targets.0.listen: unknown key",
        ),
        (
            {"name": "a", "postgres": {"dsn": "host=a", "password_env": "A", "password_file": "b"}},
            "targets.0.postgres: set only one of password_file, password_env and password_command",
        ),
    ],
)
def test_a_wrong_target_is_named_with_its_line(
    file: Path, target: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        load(file, targets=[target])
    assert message in str(raised.value)


@pytest.mark.parametrize("short", ["all", ["a", "b*"]])
def test_databases_in_short(file: Path, short: object) -> None:
    wanted = ("*",) if short == "all" else ("a", "b*")
    assert load(file, databases=short)["default"].databases.include == wanted
