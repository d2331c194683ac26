"""Reading the text of statements: which index, by which command."""

from __future__ import annotations

import pytest

from pg_migration_exporter.collectors.index_builds.statement import command_of, index_name

_LONG = "i" * 70


@pytest.mark.parametrize(
    ("statement", "table", "name"),
    [
        ("CREATE INDEX by_level ON quests (level)", "quests", "by_level"),
        ("create unique index If Not Exists By_L on only s.Quests(l)", "quests", "by_l"),
        ('CREATE INDEX CONCURRENTLY "by ""L""" ON "s"."Q d" (l)', "Q d", 'by "L"'),
        ("/* CREATE INDEX no ON t */ CREATE INDEX yes -- ON no\n ON t (x)", "t", "yes"),
        ("SELECT 'CREATE INDEX no ON quests (x)'; CREATE INDEX yes ON quests (x)", "quests", "yes"),
        ('CREATE INDEX "a--b" ON quests (x)', "quests", "a--b"),
        ("CREATE INDEX ON quests (level)", "quests", ""),
        ("CREATE INDEX a ON t1 (x); CREATE INDEX b ON t2 (x)", "t2", "b"),
        ("CREATE INDEX a ON t (x); CREATE INDEX b ON t (y)", "t", ""),
        ("ALTER TABLE ONLY game.quests ADD CONSTRAINT q_key UNIQUE (title)", "quests", "q_key"),
        ("alter table quests add x int, add constraint q_pk primary key (x)", "quests", "q_pk"),
        ("ALTER TABLE quests ADD CONSTRAINT positive CHECK (x > 0)", "quests", ""),
        (f"CREATE INDEX {_LONG} ON quests (x)", "quests", _LONG[:63]),
        ("CREATE INDEX ☃☃ ON quests (x)", "quests", "☃☃"),
        ("DROP INDEX by_level", "quests", ""),
    ],
)
def test_index_name(statement: str, table: str, name: str) -> None:
    assert index_name(statement, table) == name


@pytest.mark.parametrize(
    ("statement", "command"),
    [
        ("create unique index concurrently i on t (x)", "CREATE INDEX CONCURRENTLY"),
        ("CREATE INDEX i ON t (x)", "CREATE INDEX"),
        ("REINDEX (VERBOSE) TABLE CONCURRENTLY t", "REINDEX CONCURRENTLY"),
        ("REINDEX (CONCURRENTLY) INDEX i", "REINDEX CONCURRENTLY"),
        ("reindex index i", "REINDEX"),
        ("ALTER TABLE t ALTER x TYPE bigint", "ALTER TABLE"),
        ("DROP INDEX CONCURRENTLY i", None),
        ("INSERT INTO notes VALUES ('please reindex, then alter table t')", None),
        ("", None),
    ],
)
def test_command(statement: str, command: str | None) -> None:
    assert command_of(statement) == command
