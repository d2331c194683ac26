"""Java's .properties format: expectations are what java.util.Properties.load gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from pg_migration_exporter.liquibase.wrapper.properties import parse_properties, read_properties

TEXT = r"""# a comment
! another = one
url=jdbc:postgresql://db:5432/quests?a=b
log-level:   info
logFile  /var/log/liquibase.log
  indented = value
colon\:in\ key=x
password = a\u00e9\t\\b\z
long = one, \
       two, \
   # three
even\\ = backslashes \\
empty
= no key
again = 1
again = 2
"""


def test_every_rule() -> None:
    assert parse_properties(TEXT) == {
        "url": "jdbc:postgresql://db:5432/quests?a=b",
        "log-level": "info",
        "logFile": "/var/log/liquibase.log",
        "indented": "value",
        "colon:in key": "x",
        "password": "aé\t\\bz",
        "long": "one, two, # three",
        "even\\": "backslashes \\",
        "empty": "",
        "": "no key",
        "again": "2",
    }


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_encoding(tmp_path: Path, end: str) -> None:
    file = tmp_path / "liquibase.properties"
    file.write_bytes(f"name=caf\xe9{end}b=\\{end}  c{end}last=\\".encode("latin-1"))
    assert read_properties(file) == {"name": "café", "b": "c", "last": ""}
