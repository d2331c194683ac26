"""`logs check` finds each kind of problem, in the lines that have it, and nothing in a good log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from pg_migration_exporter.cli import main
from pg_migration_exporter.logs.formats import FormatName
from pg_migration_exporter.logs.problems import (
    BYTES,
    CUT,
    FORGED,
    PROBLEMS,
    REPEATED,
    TRANSLATED,
    UNREAD,
    ZEROS,
    ZONE,
    Problem,
)
from testbed.workspace import Workspace
from tests.fixtures.fluent_bit import (
    IN_EVERY_FORMAT,
    LoggingServer,
    known_formats,
    start_logging_server,
)

#: Arguments of the command line -> exit code and what it printed.
Check = Callable[..., tuple[int, str]]
_TIME = "2026-01-02 03:04:05.678 UTC"
_LIMIT = 1024


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"logs": {"limits": {"entry": "1K"}}}))

    def run(*arguments: object) -> tuple[int, str]:
        code = main(["logs", "check", *map(str, arguments), "--values", str(values)])
        return code, capsys.readouterr().out

    return run


def text(message: str, number: int = 1, zone: str = "UTC", code: str = "00000") -> bytes:
    """A line of the text format, of a process that has no session."""
    time = _TIME.replace("UTC", zone)
    return f"{time} [12] 65f0.1a {number} {code} {message}\n".encode()


def json_line(message: str, number: int = 1, zone: str = "UTC", **fields: str) -> bytes:
    fields = {"timestamp": _TIME.replace("UTC", zone), "error_severity": "LOG", **fields}
    entry = fields | {"session_id": "65f0.1a", "line_num": number, "message": message}
    return (json.dumps(entry, ensure_ascii=False) + "\n").encode()


def csv_line(message: str, number: int = 1, zone: str = "UTC", code: str = "00000") -> bytes:
    time = _TIME.replace("UTC", zone)
    fields = f"12,,65f0.1a,{number},,2026-01-02 03:04:05 UTC,,0,LOG,{code}"
    return f'{time},,,{fields},"{message}",,,,,,,,,"","checkpointer",,0\n'.encode()


#: Problem, name of the file, its lines, and the numbers of those that have the problem.
_BROKEN: list[tuple[Problem, str, list[bytes], list[int]]] = [
    (UNREAD, "a.log", [text("LOG:  ready"), _TIME.encode() + b" [12] LOG:  other\n"], [2]),
    (UNREAD, "a.json", [json_line("ready"), b'{"half an ent\n', json_line("on", 2)], [2]),
    (UNREAD, "a.csv", [csv_line("ready"), csv_line("short").replace(b",0,LOG", b",LOG")], [2]),
    (TRANSLATED, "a.log", [text("LOG:  ready"), text("FEHLER:  nein", 2, code="42P01")], [2]),
    (TRANSLATED, "a.json", [json_line("nein", error_severity="FEHLER", state_code="42P01")], [1]),
    (CUT, "a.log", [text("LOG:  ready"), text("LOG:  " + "x" * _LIMIT, 2)], [2]),
    (CUT, "a.log", [text("LOG:  ready"), *[b"\t" + b"x" * 500 + b"\n"] * 3], [1]),
    (CUT, "a.json", [json_line("x" * _LIMIT), json_line("on", 2)], [1]),
    (
        ZONE,
        "a.log",
        [text("LOG:  a"), text("LOG:  b", 2, "+03"), text("LOG:  c", 3, "CET")],
        [2, 3],
    ),
    (ZONE, "a.json", [json_line("a", zone="MSK")], [1]),
    (ZONE, "a.csv", [csv_line("a"), csv_line("two\nlines", 2, "-0330"), csv_line("b", 3)], [2]),
    (
        REPEATED,
        "a.json",
        [json_line("a"), json_line("b", 2), json_line("a"), json_line("b", 2)],
        [3, 4],
    ),
    (REPEATED, "a.log", [text("LOG:  a"), text("LOG:  b", 2), text("LOG:  b", 2)], [3]),
    (BYTES, "a.log", [text("LOG:  ready"), text("LOG:  gr", 2).replace(b"gr", b"gr\xf6\xdf")], [2]),
    (ZEROS, "a.log", [b"\0" * 40 + text("LOG:  ready"), text("LOG:  on", 2)], [1]),
    (FORGED, "a.log", [text("LOG:  ready"), text("ERROR:  forged", 2)], [2]),
    (FORGED, "a.json", [json_line("forged", error_severity="ERROR")], [1]),
]


@pytest.mark.parametrize("case", _BROKEN, ids=lambda case: f"{case[0].name} in {case[1]}")
def test_each_problem_is_found_in_its_lines(
    check: Check, tmp_path: Path, case: tuple[Problem, str, list[bytes], list[int]]
) -> None:
    problem, name, lines, numbers = case
    path = tmp_path / name
    path.write_bytes(b"".join(lines))
    code, output = check(path)
    assert code == 1
    assert f"  {problem.name}: line {', '.join(map(str, numbers))}\n" in output
    assert problem.remedy in output


def test_every_problem_is_covered() -> None:
    assert {problem for problem, *_ in _BROKEN} == set(PROBLEMS)


def test_many_lines_are_counted(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"".join(json_line("x", number, zone="MSK") for number in range(1, 31)))
    assert "time zone: line 1, 2, 3, 4, 5 and 25 more\n" in check(path)[1]


@IN_EVERY_FORMAT
def test_nothing_is_wrong_with_the_log_of_the_fragment(
    logging_server: LoggingServer, capsys: pytest.CaptureFixture[str], name: FormatName
) -> None:
    """With hostile names, long statements and all else that happens there."""
    path = logging_server.log(name)
    assert main(["logs", "check", str(path)]) == 0
    output = capsys.readouterr().out
    assert output.startswith(f"{path}: {name}, ")
    assert "nothing would be lost or misread" in output


@pytest.fixture(scope="module")
def careless(workspace: Workspace) -> Iterator[LoggingServer]:
    """A server as it is found elsewhere."""
    logging = start_logging_server(workspace, {"log_timezone": "Asia/Tehran"})
    with (logging.server.data / "postgresql.conf").open("a") as file:
        file.write("log_line_prefix = '%m [%p] '\n")
    with logging.server:
        logging.settle("it runs")
        yield logging


def test_settings_of_a_server_that_would_harm_are_told(
    careless: LoggingServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["logs", "check", str(careless.folder)]) == 1
    output = capsys.readouterr().out
    assert output.count("set log_timezone = 'UTC'") == len(known_formats()) - 1
    assert output.count("give the format with --format, or the server's log_line_prefix") == 1
    text_log = careless.log("stderr")
    assert main(["logs", "check", str(text_log), "--format", "stderr", "--prefix", "%m [%p] "]) == 2
    assert "needs %c (the session), %l" in capsys.readouterr().err


def test_prefix_of_another_server_is_understood(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(f"{_TIME} 65f0.1a 1 00000 LOG:  ready\n")
    assert check(path)[0] == 1
    code, output = check(path, "--prefix", "%m %c %l %e ")
    assert (code, "stderr, 1 entries" in output) == (0, True)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("nowhere.log", "nowhere.log: cannot be read: No such file"), ("empty", "empty: holds no")],
)
def test_what_cannot_be_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, complaint: str
) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["logs", "check", str(tmp_path / name)]) == 2
    assert complaint in capsys.readouterr().err
