from __future__ import annotations

import pytest

from pg_migration_exporter.logs.formats import formats
from pg_migration_exporter.logs.onigmo import compile_onigmo
from pg_migration_exporter.logs.prefix import FIELDS, check_prefix, prefix_pattern

EVERYTHING = "%m [%p] %P %c %l %e %s %v %x %Q %b;%q%u@%d %h %i;%a%% "
LINE = (
    "2026-01-02 03:04:05.678 UTC [12]  65f0.1a 3 00000 2026-01-02 03:04:00 UTC 3/4 0 -7 "
    "client backend;bob@game 10.0.0.1 SELECT;psql% "
)


def test_every_escape_finds_its_field() -> None:
    match = compile_onigmo(prefix_pattern(check_prefix(EVERYTHING), capture=True)).fullmatch(LINE)
    assert match
    assert match.groupdict() == {
        "time": "2026-01-02 03:04:05.678 UTC",
        "pid": "12",
        "leader_pid": "",
        "session_id": "65f0.1a",
        "line_num": "3",
        "sqlstate": "00000",
        "session_start": "2026-01-02 03:04:00 UTC",
        "vxid": "3/4",
        "txid": "0",
        "query_id": "-7",
        "backend_type": "client backend",
        "user": "bob",
        "db": "game",
        "remote_host": "10.0.0.1",
        "ps": "SELECT",
        "application_name": "psql",
    }
    assert match.groupdict().keys() == {field.name for field in FIELDS.values()}


@pytest.mark.parametrize(
    ("prefix", "line"),
    [
        ("%m [%p] %c %l %e %5p ", "2026-01-02 03:04:05.678 UTC [12] 1.a 3 00000    12 "),
        ("%m %c %l %e %-8p|", "2026-01-02 03:04:05.678 UTC 1.a 3 00000 12      |"),
        ("(%m) $%c.%l^ %e {", "(2026-01-02 03:04:05.678 UTC) $1.a.3^ 00000 {"),
    ],
)
def test_padding_and_special_characters(prefix: str, line: str) -> None:
    pattern = compile_onigmo(prefix_pattern(check_prefix(prefix), capture=False))
    assert pattern.fullmatch(line)
    assert not pattern.fullmatch(line.replace("1.a", "1 a"))


def test_no_name_passes_for_a_severity_where_it_is_filled_up() -> None:
    text = formats("%m %c %l %e %q%u@%d %-63a ")["stderr"]
    assert text.entry
    forged = f"2026-01-02 03:04:05.678 UTC 1.a 3 22012 u@d {'x ERROR:  fake':63} LOG:  real"
    match = compile_onigmo(text.entry).fullmatch(forged)
    assert match
    assert (match["level"], match["message"]) == ("LOG", "real")


def test_a_process_without_a_session_has_no_session_fields() -> None:
    text = formats("%m %c %l %e %q%u@%d %-63a ")["stderr"]
    assert text.entry
    line = "2026-01-02 03:04:05.678 UTC 1.a 3 00000 LOG:  mail me@home for LOG:  x"
    match = compile_onigmo(text.entry).fullmatch(line)
    assert match
    assert (match["user"], match["message"]) == (None, "mail me@home for LOG:  x")


@pytest.mark.parametrize(
    ("prefix", "complaint"),
    [
        ("", r"needs %m \(the time\), %c"),
        ("%m [%p] %q%u@%d ", r"needs %c \(the session\), %l .* %e"),
        ("%m %q%c %l %e ", "before %q"),
        ("%m %c %l %e %n ", "%n is not one of"),
        ("%m %c %l %e %", "% is not one of"),
        ("%m %c %l %e\n", "one line"),
    ],
)
def test_prefix_that_does_not_do_is_refused(prefix: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        check_prefix(prefix)
