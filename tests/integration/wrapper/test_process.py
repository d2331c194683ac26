"""The wrapped command as a process: streams, signals, terminal, exit code; any command will do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pg_migration_exporter.liquibase.reports.report import Outcome
from testbed.ports import free_port
from testbed.process import Process, clean_environment, descendants
from testbed.programs import exporter_command
from testbed.waiting import wait_until
from tests.fixtures.wrapper import MakeWrapper, Wrapper

ANY_BYTES = bytes(range(256)) * 4096


def is_alive(pid: int) -> bool:
    """False for a process that is gone, or only waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_streams_are_the_command_s_own(wrapper: Wrapper) -> None:
    script = "tee /dev/stderr"
    done = wrapper.run("sh", "-c", script, input=ANY_BYTES)
    assert (done.returncode, done.stdout, done.stderr) == (0, ANY_BYTES, ANY_BYTES)


def test_output_is_not_held_back(wrapper: Wrapper) -> None:
    with subprocess.Popen(
        wrapper.command("sh", "-c", "printf question; read answer; printf %s $answer"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.read(8) == b"question"
        process.stdin.write(b"answer\n")
        process.stdin.flush()
        assert process.stdout.read() == b"answer"
    assert process.returncode == 0


#: Prints the file that it is told to read its options from, as Liquibase reads it.
READING = ("sh", "-c", "cat ${2#*=}", "sh", "update")
OPTIONS = b"url=jdbc:postgresql://db/quests\npassword=s3cret\n"


def test_a_pipe_with_options_is_left_to_the_command(wrapper: Wrapper, tmp_path: Path) -> None:
    pipe = tmp_path / "liquibase.properties"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"cat >{pipe}"], stdin=subprocess.PIPE) as writer:
        assert writer.stdin is not None
        writer.stdin.write(OPTIONS)
        writer.stdin.close()
        done = wrapper.run(*READING, f"--defaults-file={pipe}")
        assert (done.returncode, done.stdout, done.stderr) == (0, OPTIONS, b"")
    report = wrapper.report()
    assert report.outcome is Outcome.SUCCEEDED
    assert report.limitation == (
        f"no details: {pipe} was not read: not a regular file; set the options in the environment, "
        "or LIQUIBASE_LOG_FILE"
    )
    assert report.target.servers == ()


def test_a_process_substitution_is_left_to_the_command(wrapper: Wrapper) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, OPTIONS)
    os.close(write_end)
    with os.fdopen(read_end) as opened:
        file = f"/dev/fd/{opened.fileno()}"
        done = wrapper.run(*READING, f"--defaults-file={file}", pass_fds=[read_end])
    assert (done.returncode, done.stdout, done.stderr) == (0, OPTIONS, b"")
    assert "not a regular file" in wrapper.report().limitation


def test_a_configuration_that_is_a_pipe_delays_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "config.yaml"
    os.mkfifo(pipe)
    done = subprocess.run(
        [exporter_command(), "run", "--config", pipe, "--", "true"],
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, b"not a regular file" in done.stderr) == (0, True)


def test_other_descriptors_are_handed_on(wrapper: Wrapper, tmp_path: Path) -> None:
    with (tmp_path / "third").open("w+") as third:
        number = third.fileno()
        done = wrapper.run("bash", "-c", f"echo seen >&{number}", pass_fds=[number])
        third.seek(0)
        assert (done.returncode, third.read()) == (0, "seen\n")


def test_arguments_and_environment_are_handed_on(wrapper: Wrapper) -> None:
    strange = [
        "",
        "--",
        "-x",
        "--config",
        "a b",
        "$HOME",
        "é",
        b"\xff".decode(errors="surrogateescape"),
    ]
    done = wrapper.run("printf", r"%s\0", *strange)
    assert done.stdout == b"".join(os.fsencode(argument) + b"\0" for argument in strange)

    given = {"LIQUIBASE_LOG_FILE": "/tmp/x.log", "LIQUIBASE_LOG_LEVEL": "info", "ODD": "a\nb"}
    plain = subprocess.run(
        ["env", "-0"], env={**clean_environment(), **given}, capture_output=True, check=True
    )
    done = wrapper.run("env", "-0", environment=given)
    assert sorted(done.stdout.split(b"\0")) == sorted(plain.stdout.split(b"\0"))


@pytest.mark.parametrize(
    ("script", "code", "outcome", "reason"),
    [
        ("exit 0", 0, Outcome.SUCCEEDED, ""),
        ("exit 3", 3, Outcome.FAILED, "it ended with exit code 3"),
        ("exit 255", 255, Outcome.FAILED, "it ended with exit code 255"),
        ("kill -9 $$", 137, Outcome.KILLED, "it was ended by SIGKILL"),
        ("exit 143", 143, Outcome.KILLED, "it was ended by SIGTERM"),
    ],
)
def test_exit_code(wrapper: Wrapper, script: str, code: int, outcome: Outcome, reason: str) -> None:
    done = wrapper.run("sh", "-c", script)
    assert (done.returncode, done.stderr) == (code, b"")
    report = wrapper.report()
    assert (report.exit_code, report.outcome) == (code, outcome)
    assert report.ended is not None
    assert (report.failure.reason if report.failure else "") == reason


def test_a_command_that_cannot_be_run(wrapper: Wrapper, tmp_path: Path) -> None:
    missing = wrapper.run("no-such-command")
    assert missing.returncode == 127
    assert missing.stderr == (
        b"pg-migration-exporter: no-such-command cannot be run: No such file or directory\n"
    )
    (tmp_path / "plain").touch()
    assert wrapper.run(tmp_path / "plain").returncode == 126
    assert not wrapper.reported()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_the_whole_group(wrapper: Wrapper, number: signal.Signals) -> None:
    process = wrapper.start("sh", "-c", "sleep 1001; true")
    family = process.wait_until(lambda: at_least(2, process), 30, "runs")
    os.kill(process.pid, number)
    assert process.wait(30) == 128 + number
    assert [pid for pid in family if is_alive(pid)] == []
    assert wrapper.report().outcome is Outcome.KILLED


def at_least(count: int, process: Process) -> list[int] | None:
    found = descendants(process.pid)
    return found if len(found) >= count else None


def test_the_end_is_the_end_of_the_last_of_the_group(wrapper: Wrapper, tmp_path: Path) -> None:
    """A launcher dies at once of a signal, its JVM takes a moment to flush its log."""
    slow = (
        "trap 'sleep 0.5; touch flushed; exit 143' TERM; touch ready; while :; do sleep 0.1; done"
    )
    process = wrapper.start("sh", "-c", f'cd {tmp_path}; sh -c "{slow}"; true')
    process.wait_until((tmp_path / "ready").exists, 30, "handles signals")
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(30) == 143
    assert (tmp_path / "flushed").exists()


def test_a_signal_that_does_not_end_the_command(wrapper: Wrapper, tmp_path: Path) -> None:
    """SIGQUIT makes a JVM print its threads."""
    script = "trap 'echo threads' QUIT; touch ready; while [ ! -e go ]; do sleep 0.05; done"
    process = wrapper.start("sh", "-c", f"cd {tmp_path}; {script}")
    process.wait_until((tmp_path / "ready").exists, 30, "handles signals")
    os.kill(process.pid, signal.SIGQUIT)
    process.wait_until(lambda: "threads" in process.output(), 30, "printed")
    (tmp_path / "go").touch()
    assert process.wait(30) == 0


def test_what_is_ignored_stays_ignored(wrapper: Wrapper) -> None:
    command = " ".join(map(str, wrapper.command("sh", "-c", "'kill -HUP $$; echo alive'")))
    done = subprocess.run(
        ["sh", "-c", f"trap '' HUP; exec {command}"], capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, b"alive\n")


def test_a_wrapper_that_is_killed_leaves_a_run_without_end(
    wrapper: Wrapper, tmp_path: Path
) -> None:
    process = wrapper.start("sh", "-c", f"cd {tmp_path}; while [ ! -e go ]; do sleep 0.05; done")
    try:
        process.wait_until(wrapper.reported, 30, "reports its start")
        child = wrapper.report().pid
        assert os.getpgid(child) == child
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
        assert is_alive(child)
        report = wrapper.report()
        assert (report.outcome, report.ended, report.pid) == (Outcome.RUNNING, None, child)
    finally:
        (tmp_path / "go").touch()
    wait_until(lambda: not is_alive(child), 30, "the command ended by itself")


UNUSABLE: dict[str, Callable[[Path], str]] = {
    "missing": lambda folder: f"{folder}/missing.yaml: cannot be read: No such file or directory",
    "nonsense": lambda folder: (
        f"{folder}/nonsense.yaml:1: reports.tabel: unknown key; did you mean"
    ),
    "empty": lambda folder: f"{folder}/empty.yaml: reports: set directory, table or endpoint",
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_configuration_that_is_none_costs_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "nonsense.yaml").write_text("reports: {tabel: true}\n")
    (tmp_path / "empty.yaml").touch()
    config = tmp_path / f"{name}.yaml"
    done = subprocess.run(
        [exporter_command(), "run", "--config", config, "--", "sh", "-c", "echo out; exit 3"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "out\n")
    [line] = done.stderr.splitlines()
    assert line.startswith(
        f"pg-migration-exporter: this run is not reported: {UNUSABLE[name](tmp_path)}"
    )


def test_without_a_configuration_nothing_is_reported() -> None:
    done = subprocess.run(
        [exporter_command(), "run", "--", "sh", "-c", "exit 4"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert done.stderr == (
        "pg-migration-exporter: this run is not reported: --config is missing: a file with "
        "the key `reports`\n"
    )


def test_without_a_command_nothing_can_be_run() -> None:
    done = subprocess.run(
        [exporter_command(), "run", "--"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        2,
        "pg-migration-exporter: run: the command is missing; write run -- liquibase update\n",
    )


def test_nowhere_to_report_to_costs_one_line(make_wrapper: MakeWrapper, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    url = f"http://127.0.0.1:{free_port()}"
    wrapper = make_wrapper(
        directory=str(tmp_path / "file"),
        table=True,
        endpoint={"url": url, "token_file": str(tmp_path / "missing")},
    )
    done = wrapper.run("sh", "-c", "exit 3")
    assert done.returncode == 3
    [line] = done.stderr.decode().splitlines()
    assert line == (
        f"pg-migration-exporter: the end of this run was not reported to {tmp_path}/file: "
        f"[Errno 17] File exists: '{tmp_path}/file'; nor to table migration_exporter.report: "
        "Liquibase has no URL of a PostgreSQL database that can be read here; set "
        f"reports.dsn; nor to {url}: reports.endpoint.token_file: {tmp_path}/missing cannot be "
        "read: No such file or directory"
    )


@pytest.mark.parametrize("way", ["endpoint", "table"])
def test_silence_delays_the_end_by_seconds_at_most(
    make_wrapper: MakeWrapper, tmp_path: Path, way: str
) -> None:
    (tmp_path / "token").write_text("0123456789abcdef")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        ways: dict[str, dict[str, Any]] = {
            "endpoint": {"endpoint": {"url": url, "token_file": str(tmp_path / "token")}},
            "table": {"table": True, "dsn": f"host=127.0.0.1 port={port}"},
        }
        wrapper = make_wrapper(**ways[way])
        started = time.monotonic()
        done = wrapper.run("true")
        assert time.monotonic() - started < 15  # three are waited for; the rest is a slow machine
    assert done.returncode == 0
    [line] = done.stderr.decode().splitlines()
    name = {"endpoint": url, "table": "table migration_exporter.report"}[way]
    assert f"the end of this run was not reported to {name}: " in line


def test_standard_error_may_be_closed(tmp_path: Path) -> None:
    command = f"exec 2>&-; {exporter_command()} run --config {tmp_path}/missing -- sh -c 'exit 3'"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 3


def test_nothing_of_ours_stays_behind(wrapper: Wrapper, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    done = wrapper.run("sh", "-c", "ls $TMPDIR", environment={"TMPDIR": str(tmp_path / "t")})
    assert done.stdout.startswith(b"pg-migration-exporter-")
    assert list((tmp_path / "t").iterdir()) == []
