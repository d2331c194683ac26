"""Liquibase's options, in every spelling, by order of precedence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pg_migration_exporter.liquibase.reports.report import RunTarget
from pg_migration_exporter.liquibase.wrapper.connection_target import (
    known_secrets,
    read_conninfo,
    read_target,
)
from pg_migration_exporter.liquibase.wrapper.options import find_command, read_options


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["liquibase", "update"], "update"),
        (["liquibase", "--url=jdbc:postgresql://h/d", "--log-level", "info", "update"], "update"),
        (["java", "-jar", "liquibase.jar", "rollbackCount", "1"], "rollback-count"),
        (["liquibase", "update-to-tag", "--tag=v1"], "update-to-tag"),
        (["liquibase", "status", "--verbose"], "status"),
        (["update"], ""),
        (["./deploy.sh", "production"], ""),
    ],
)
def test_command(arguments: list[str], command: str) -> None:
    assert find_command(arguments) == command


@pytest.mark.parametrize(
    "option",
    [
        ["--log-file=x.log"],
        ["--log-file", "x.log"],
        ["--logFile=x.log"],
        ["--LOGFILE=x.log"],
        ["--liquibase-log-file=x.log"],
    ],
)
def test_arguments(option: list[str]) -> None:
    options = read_options(["liquibase", *option, "update"], {})
    assert options.find("log-file") == "x.log"


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("LIQUIBASE_LOG_FILE", "x.log", "x.log"),
        ("liquibase_log_file", "x.log", "x.log"),
        ("LIQUIBASE_LOG_FILE", "", None),
        ("LOG_FILE", "x.log", None),
        ("JAVA_OPTS", "-Xmx1g -Dliquibase.logFile='x y.log'", "x y.log"),
        ("JDK_JAVA_OPTIONS", "-Dliquibase.log-file=x.log", "x.log"),
        ("JAVA_OPTS", "-Dliquibase.logFile='x", None),
        ("JAVA_OPTS", "-DlogFile=x.log", None),
    ],
)
def test_environment(name: str, value: str, found: str | None) -> None:
    assert read_options(["liquibase", "update"], {name: value}).find("log-file") == found


@pytest.mark.parametrize(
    "line",
    ["logFile: x.log", "log-file=x.log", "liquibase.logFile = x.log", "liquibase.log-file x.log"],
)
def test_defaults_file(folder: Path, line: str) -> None:
    (folder / "liquibase.properties").write_text(f"# settings\n{line}\n")
    assert read_options(["liquibase", "update"], {}).find("log-file") == "x.log"


def test_precedence(folder: Path) -> None:
    sources = {"arguments": "--url=a", "jvm": "-Dliquibase.command.url=b", "environment": "c"}
    (folder / "own.properties").write_text("url: e\nusername: f\n")
    (folder / "own.local.properties").write_text("liquibase.command.url: d\n")
    environment = {
        "LIQUIBASE_COMMAND_URL": sources["environment"],
        "LIQUIBASE_DEFAULTS_FILE": "own.properties",
    }
    java = ["java", sources["jvm"], "-jar", "liquibase.jar"]
    assert read_options([*java, sources["arguments"], "update"], environment).find("url") == "a"
    assert read_options([*java, "update"], environment).find("url") == "b"
    assert read_options(["liquibase", "update"], environment).find("url") == "c"
    del environment["LIQUIBASE_COMMAND_URL"]
    options = read_options(["liquibase", "update"], environment)
    assert (options.find("url"), options.find("username")) == ("d", "f")


def test_a_setting_of_one_command_alone() -> None:
    environment = {"LIQUIBASE_COMMAND_UPDATE_URL": "a"}
    assert read_options(["liquibase", "update"], environment).find("url") == "a"
    assert read_options(["liquibase", "status"], environment).find("url") is None


def test_others_have_users_and_passwords_too() -> None:
    environment = {"USERNAME": "somebody", "PASSWORD": "s3cret", "URL": "jdbc:postgresql://h/d"}
    options = read_options(["liquibase", "update"], environment)
    assert read_target(options) == RunTarget()
    assert known_secrets(options) == ()


@pytest.mark.parametrize(
    ("settings", "changelog"),
    [
        ({}, "public.databasechangelog"),
        ({"DEFAULT_SCHEMA_NAME": "game"}, "game.databasechangelog"),
        (
            {"LIQUIBASE_SCHEMA_NAME": "deploy", "DEFAULT_SCHEMA_NAME": "game"},
            "deploy.databasechangelog",
        ),
        ({"DATABASE_CHANGELOG_TABLE_NAME": "QUEST_HISTORY"}, "public.quest_history"),
    ],
)
def test_target(settings: dict[str, str], changelog: str) -> None:
    environment = {f"LIQUIBASE_{name}": value for name, value in settings.items()}
    environment["LIQUIBASE_COMMAND_URL"] = "jdbc:postgresql://db:6432/quests?password=s3cret"
    target = read_target(read_options(["liquibase", "update"], environment))
    assert target == RunTarget(servers=("db:6432",), database="quests", changelog=changelog)


def test_the_connection_for_the_table_is_liquibase_s_own() -> None:
    environment = {
        "LIQUIBASE_COMMAND_URL": "jdbc:postgresql://db/quests",
        "LIQUIBASE_COMMAND_USERNAME": "migrator",
        "LIQUIBASE_COMMAND_PASSWORD": "s3cret word",
    }
    options = read_options(["liquibase", "update"], environment)
    conninfo = read_conninfo(options)
    assert conninfo.startswith("host=db port=5432 dbname=quests user=migrator password='s3cret wo")
    assert "statement_timeout" in conninfo
    assert known_secrets(options) == ("s3cret word",)


def test_without_a_url_the_user_is_told_what_to_set() -> None:
    with pytest.raises(ValueError, match=r"set reports\.dsn"):
        read_conninfo(read_options(["liquibase", "update"], dict(os.environ)))
