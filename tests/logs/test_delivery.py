"""Nothing that PostgreSQL wrote is lost or stored twice, whatever happens on the way."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from demo.stack.ports import LOOPBACK
from demo.stack.waiting import wait_until
from demo.stack.workspace import Workspace
from tests.fixtures.fluent_bit import (
    IN_EVERY_FORMAT,
    LoggingServer,
    StartFluentBit,
    start_logging_server,
)
from tests.logs.fluent_bit import PASSWORD, USER, FluentBit
from tests.logs.sink import Sink

pytestmark = pytest.mark.pg(">= 15")
_LOOP = "DO $$ BEGIN FOR i IN 1..{} LOOP RAISE WARNING '{} %', i; END LOOP; END $$"
_batches = count(1)


@pytest.fixture(scope="module")
def logging(fluent_bit_program: Path, workspace: Workspace) -> Iterator[LoggingServer]:
    started = start_logging_server(workspace, {"log_min_duration_statement": "-1"})
    with started.server:
        yield started


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


def output(logging: LoggingServer, sink: Sink, **settings: Any) -> dict[str, Any]:
    """Values that lead from the server's log to the sink."""
    where = {"host": LOOPBACK, "port": sink.port, "tls": False, **settings}
    return {"directory": str(logging.folder), "output": where}


def write(logging: LoggingServer, marker: str, entries: int = 200) -> None:
    """Log that many entries at once, with numbers of their own."""
    options = "-c client_min_messages=error"
    loop = _LOOP.format(entries, f"{marker} {next(_batches)}")
    logging.server.database().execute(loop, options=options)


def written(logging: LoggingServer, marker: str) -> list[str]:
    """Warnings in all files that the server has written, sorted."""
    entries = (
        json.loads(line)
        for path in logging.folder.glob("*.json")
        for line in path.read_text().splitlines()
    )
    warnings = (entry["message"] for entry in entries if entry["error_severity"] == "WARNING")
    return sorted(message for message in warnings if marker in message)


def assert_all_is_stored(logging: LoggingServer, sink: Sink, marker: str) -> None:
    """Await that each entry is stored, and find none that is not in the log, or there twice."""
    expected = written(logging, marker)
    assert expected
    wait_until(
        lambda: len(sink.messages(marker)) >= len(expected),
        60,
        f"{len(expected)} entries are stored",
        explain=lambda: f"{len(sink.messages(marker))} are; answers were {dict(sink.statuses)}",
    )
    assert sink.messages(marker) == expected
    print(f"{marker}: {len(expected)} written, {len(sink.messages(marker))} stored")


@IN_EVERY_FORMAT
@pytest.mark.parametrize("syntax", ["yaml", "conf"])
def test_every_configuration_starts_and_delivers(
    start_fluent_bit: StartFluentBit, logging: LoggingServer, sink: Sink, name: str, syntax: str
):
    start_fluent_bit(output(logging, sink), f"{name}.{syntax}")
    marker = f"{name}-{syntax}"
    write(logging, marker)
    assert_all_is_stored(logging, sink, marker)


def test_documents_are_in_the_index_of_their_own_day(
    start_fluent_bit: StartFluentBit, logging: LoggingServer, sink: Sink
):
    write(logging, "by-day", 10)
    start_fluent_bit(output(logging, sink))
    assert_all_is_stored(logging, sink, "by-day")
    for (index, identity), document in sink.documents.items():
        day = document["@timestamp"].partition("T")[0].replace("-", ".")
        assert index == f"database-production-{day}"
        assert identity == document["log_id"]
        assert identity.startswith("tested-")


def test_credentials_come_from_the_environment(
    start_fluent_bit: StartFluentBit, logging: LoggingServer, sink: Sink
):
    fluent_bit = start_fluent_bit(output(logging, sink))
    write(logging, "with-password", 10)
    assert_all_is_stored(logging, sink, "with-password")
    expected = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert sink.authorizations == {f"Basic {expected}"}
    assert PASSWORD not in fluent_bit.process.output()
    assert all(
        PASSWORD not in path.read_text() for path in fluent_bit.config.parent.iterdir()
    )


def test_killed_again_and_again(
    start_fluent_bit: StartFluentBit, logging: LoggingServer, sink: Sink
):
    fluent_bit = start_fluent_bit(output(logging, sink))
    for while_it_delivers in (True, False, True, False):
        before = len(sink.documents)
        write(logging, "killed", 1000)
        if while_it_delivers:
            wait_until(lambda before=before: len(sink.documents) > before, 30, "it delivers", interval=0.001)
        fluent_bit.process.kill()
        write(logging, "killed", 100)
        fluent_bit.start()
    assert_all_is_stored(logging, sink, "killed")


def test_sink_down_while_fluent_bit_is_restarted(
    start_fluent_bit: StartFluentBit, logging: LoggingServer, sink: Sink
):
    fluent_bit = start_fluent_bit(output(logging, sink))
    write(logging, "down")
    assert_all_is_stored(logging, sink, "down")
    sink.stop()
    write(logging, "down", 1000)
    wait_until(lambda: retries(fluent_bit) >= 2, 60, "it has tried again")
    fluent_bit.restart()
    write(logging, "down")
    wait_until(lambda: retries(fluent_bit) >= 1, 60, "it has tried again")
    sink.start()
    assert_all_is_stored(logging, sink, "down")


def retries(fluent_bit: FluentBit) -> float:
    return fluent_bit.own_metric("fluentbit_output_retries_total", "store")


@pytest.mark.parametrize("status", [429, 503])
def test_sink_that_refuses_for_a_while(
    start_fluent_bit: StartFluentBit, logging: LoggingServer, sink: Sink, status: int
):
    sink.refusal = status
    start_fluent_bit(output(logging, sink))
    write(logging, f"refused-{status}")
    wait_until(lambda: sink.statuses[status] >= 3, 60, "it was refused, again and again")
    write(logging, f"refused-{status}")
    assert sink.messages(f"refused-{status}") == []
    sink.refusal = None
    assert_all_is_stored(logging, sink, f"refused-{status}")


def test_document_that_is_refused_for_ever_takes_no_other_with_it(
    start_fluent_bit: StartFluentBit, logging: LoggingServer, sink: Sink
):
    sink.is_unfit = lambda document: document["message"].endswith(" 7")
    fluent_bit = start_fluent_bit(output(logging, sink))
    write(logging, "unfit", 50)
    expected = [text for text in written(logging, "unfit") if not text.endswith(" 7")]
    wait_until(lambda: sink.messages("unfit") == expected, 60, "all others are stored")
    wait_until(lambda: retries(fluent_bit) >= 1, 60, "it says that it tries again")
    sink.is_unfit = lambda _: False
    assert_all_is_stored(logging, sink, "unfit")


def test_files_rotated_while_it_was_down(
    start_fluent_bit: StartFluentBit, logging: LoggingServer, sink: Sink
):
    fluent_bit = start_fluent_bit(output(logging, sink))
    write(logging, "rotated")
    assert_all_is_stored(logging, sink, "rotated")
    fluent_bit.stop()
    write(logging, "rotated")
    rotate(logging)
    write(logging, "rotated")
    rotate(logging)
    write(logging, "rotated")
    fluent_bit.start()
    assert_all_is_stored(logging, sink, "rotated")
    rotate(logging)
    write(logging, "rotated")
    assert_all_is_stored(logging, sink, "rotated")


def rotate(logging: LoggingServer) -> None:
    """Have a new file; their names differ by the second."""
    before = set(logging.folder.glob("*.json"))

    def is_new() -> bool:
        logging.server.database().execute("SELECT pg_rotate_logfile()")
        return set(logging.folder.glob("*.json")) != before

    wait_until(is_new, 30, "there is a new file", interval=0.3)


@pytest.fixture(scope="module")
def certificates(fluent_bit_program: Path, workspace: Workspace) -> dict[str, Path]:
    """Two self-signed certificates for loopback, with their keys."""
    folder = workspace.folder("certificates")
    return {name: certificate(folder / f"{name}.pem") for name in ("ours", "theirs")}


def certificate(path: Path) -> Path:
    subject = ["-subj", "/CN=sink", "-addext", f"subjectAltName=IP:{LOOPBACK}"]
    made = ["-newkey", "rsa:2048", "-noenc", "-keyout", path, "-out", "/dev/stdout", "-days", "2"]
    done = subprocess.run(
        ["openssl", "req", "-x509", *subject, *made], check=True, capture_output=True, text=True
    )
    path.write_text(path.read_text() + done.stdout)
    return path


def test_encrypted_and_only_to_whom_it_may_concern(
    start_fluent_bit: StartFluentBit, logging: LoggingServer, certificates: dict[str, Path]
):
    with Sink(certificates["ours"]) as sink:
        encrypted = output(logging, sink, tls=True, ca_file=str(certificates["theirs"]))
        fluent_bit = start_fluent_bit(encrypted)
        write(logging, "encrypted")
        wait_until(lambda: retries(fluent_bit) >= 2, 60, "it does not trust the sink")
        assert not sink.documents
        assert "certificate verify failed" in fluent_bit.process.output()
        encrypted["output"]["ca_file"] = str(certificates["ours"])
        fluent_bit.configure(encrypted)
        fluent_bit.restart()
        assert_all_is_stored(logging, sink, "encrypted")
