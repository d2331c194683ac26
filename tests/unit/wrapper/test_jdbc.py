"""JDBC URLs of PostgreSQL's driver, and the same server for libpq."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from pg_migration_exporter.liquibase.wrapper.jdbc import parse_jdbc_url


@pytest.mark.parametrize(
    ("url", "servers", "database"),
    [
        ("jdbc:postgresql://db/quests", [("db", "5432")], "quests"),
        ("jdbc:postgresql://db:6432/quests?ssl=true", [("db", "6432")], "quests"),
        ("jdbc:postgresql:quests", [("localhost", "5432")], "quests"),
        ("jdbc:postgresql://db/", [("db", "5432")], ""),
        ("jdbc:postgresql:///quests", [("localhost", "5432")], "quests"),
        ("jdbc:postgresql://[::1]:6432/a%20b", [("::1", "6432")], "a b"),
        ("jdbc:postgresql://a,b:6432/q", [("a", "5432"), ("b", "6432")], "q"),
        ("jdbc:aws-wrapper:postgresql://db/quests", [("db", "5432")], "quests"),
    ],
)
def test_parts(url: str, servers: list[tuple[str, str]], database: str) -> None:
    parsed = parse_jdbc_url(url)
    assert parsed is not None
    assert (list(parsed.servers), parsed.database) == (servers, database)


@pytest.mark.parametrize("url", ["", "jdbc:h2:mem:x", "offline:postgresql", "postgresql://db/q"])
def test_other_urls(url: str) -> None:
    assert parse_jdbc_url(url) is None


@pytest.mark.parametrize(
    ("url", "conninfo"),
    [
        (
            "jdbc:postgresql://db/q?user=u&password=p%26w",
            {"host": "db", "port": "5432", "dbname": "q", "user": "u", "password": "p&w"},
        ),
        (
            "jdbc:postgresql://a,b/q?ssl=true",
            {
                "host": "a,b",
                "port": "5432,5432",
                "dbname": "q",
                "sslmode": "verify-full",
                "target_session_attrs": "read-write",
            },
        ),
        (
            "jdbc:postgresql://db/q?ssl=true&sslmode=require&sslrootcert=/ca.pem",
            {
                "host": "db",
                "port": "5432",
                "dbname": "q",
                "sslmode": "require",
                "sslrootcert": "/ca.pem",
            },
        ),
    ],
)
def test_conninfo(url: str, conninfo: dict[str, str]) -> None:
    parsed = parse_jdbc_url(url)
    assert parsed is not None
    assert conninfo_to_dict(parsed.conninfo(None, None)) == conninfo


def test_user_and_password_that_are_given_apart_win() -> None:
    parsed = parse_jdbc_url("jdbc:postgresql://db/q?user=u&password=p")
    assert parsed is not None
    parameters = conninfo_to_dict(parsed.conninfo("migrator", "it's"))
    assert (parameters["user"], parameters["password"]) == ("migrator", "it's")
