"""Which log is read: the user's settings stay what they are."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from pg_migration_exporter.liquibase.wrapper.log_file import choose_log
from pg_migration_exporter.liquibase.wrapper.options import LiquibaseOptions


def options(**settings: str) -> LiquibaseOptions:
    names = [(f"liquibase{name.replace('_', '')}", value) for name, value in settings.items()]
    return LiquibaseOptions("update", (names,))


def test_one_of_our_own_that_another_user_may_write_and_none_read() -> None:
    log = choose_log(options())
    assert log.path is not None
    assert log.own_folder is not None
    try:
        assert log.environment == {
            "LIQUIBASE_LOG_FILE": str(log.path),
            "LIQUIBASE_LOG_LEVEL": "INFO",
        }
        assert log.path.stat().st_mode & 0o777 == 0o622
        assert log.own_folder.stat().st_mode & 0o777 == 0o711
        assert log.limitation == ""
    finally:
        log.remove()
    assert not log.own_folder.exists()


def test_there_may_be_no_place_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(OSError, match="missing"):
        choose_log(options())


def test_the_user_s_file_is_read_from_its_present_end(tmp_path: Path) -> None:
    file = tmp_path / "liquibase.log"
    file.write_text("of an earlier run\n")
    log = choose_log(options(log_file=str(file)))
    assert log.environment == {"LIQUIBASE_LOG_LEVEL": "INFO"}
    assert log.read() == b""
    with file.open("a") as appended:
        appended.write("new\n")
    assert log.read() == b"new\n"
    assert log.read() == b""
    log.remove()
    assert file.exists()


def test_a_file_that_cannot_be_read() -> None:
    log = choose_log(options(log_file="/proc/self/mem"))  # its first page is no memory
    assert log.read() == b""
    assert log.limitation == "no details: the log file cannot be read: Input/output error"


def test_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    file = tmp_path / "liquibase.log"
    log = choose_log(options(log_file=str(file)))
    assert log.read() == b""
    file.write_text("new\n")
    assert log.read() == b"new\n"


@pytest.mark.parametrize(
    ("settings", "limitation"),
    [
        ({"log_file": "x.log", "log_level": "fine"}, ""),
        ({"log_file": "x.log", "log_level": "SEVERE"}, "few details: the log level is SEVERE"),
        ({"log_level": "info"}, "no details: a log level is set and no log file"),
        ({"log_file": "s3://bucket/x.log", "log_level": "info"}, "no details: the log file s3://"),
    ],
)
def test_a_level_of_the_user_stays(settings: dict[str, str], limitation: str) -> None:
    log = choose_log(options(**settings))
    assert log.environment == {}
    assert log.limitation.startswith(limitation)
    assert bool(log.limitation) == bool(limitation)
