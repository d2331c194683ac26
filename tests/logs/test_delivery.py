"""Nothing that PostgreSQL wrote is lost or stored twice, whatever happens on the way."""

from __future__ import annotations

import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.ports import LOOPBACK
from testbed.sink import Sink
from testbed.waiting import wait_until
from testbed.workspace import Workspace
from tests.fixtures.fluent_bit import IN_EVERY_FORMAT, LoggingServer
from tests.logs.delivery import Delivery
from tests.logs.fluent_bit import PASSWORD, USER, StartFluentBit

pytestmark = pytest.mark.pg(">= 15")


def await_more_than(number: int, sink: Sink) -> None:
    """Await documents beyond this number, and hardly longer."""
    wait_until(lambda: len(sink.documents) > number, 30, "it delivers", interval=0.001)


@IN_EVERY_FORMAT
@pytest.mark.parametrize("syntax", ["yaml", "conf"])
def test_every_configuration_delivers(
    start_fluent_bit: StartFluentBit, delivery: Delivery, name: str, syntax: str
) -> None:
    start_fluent_bit(delivery.values(), f"{name}.{syntax}")
    delivery.write()
    delivery.assert_complete()


def test_documents_are_in_the_index_of_their_own_day(
    start_fluent_bit: StartFluentBit, delivery: Delivery
) -> None:
    delivery.write(10)
    start_fluent_bit(delivery.values())
    delivery.assert_complete()
    for (index, identity), document in delivery.sink.documents.items():
        day = document["@timestamp"].partition("T")[0].replace("-", ".")
        assert index == f"database-production-{day}"
        assert identity == document["log_id"]
        assert identity.startswith("tested-")


def test_credentials_come_from_the_environment(
    start_fluent_bit: StartFluentBit, delivery: Delivery
) -> None:
    fluent_bit = start_fluent_bit(delivery.values())
    delivery.write(10)
    delivery.assert_complete()
    expected = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert delivery.sink.authorizations == {f"Basic {expected}"}
    assert PASSWORD not in fluent_bit.process.output()
    files = fluent_bit.config.parent.iterdir()
    assert all(PASSWORD not in path.read_text() for path in files)


#: Where an entry is complete only when the next one begins, the one in between is lost.
_LOST_BY_A_KILL = {"jsonlog": 0, "csvlog": 1, "stderr": 1}


@IN_EVERY_FORMAT
def test_killed_four_times(start_fluent_bit: StartFluentBit, delivery: Delivery, name: str) -> None:
    fluent_bit = start_fluent_bit(delivery.values(), f"{name}.yaml")
    for while_it_delivers in (True, False, True, False):
        before = len(delivery.sink.documents)
        delivery.write(1000)
        if while_it_delivers:
            await_more_than(before, delivery.sink)
        fluent_bit.process.kill()
        delivery.write(100)
        fluent_bit.start()
    delivery.assert_complete(but=4 * _LOST_BY_A_KILL[name])


@IN_EVERY_FORMAT
def test_restarted_twice(start_fluent_bit: StartFluentBit, delivery: Delivery, name: str) -> None:
    fluent_bit = start_fluent_bit(delivery.values(), f"{name}.yaml")
    for _ in range(2):
        delivery.write(500)
        fluent_bit.stop()
        delivery.write(100)
        fluent_bit.start()
    delivery.assert_complete()


def test_sink_down_and_restarted(start_fluent_bit: StartFluentBit, delivery: Delivery) -> None:
    fluent_bit = start_fluent_bit(delivery.values())
    delivery.sink.stop()
    delivery.write(1000)
    wait_until(lambda: fluent_bit.retries >= 2, 60, "it has tried again")
    fluent_bit.restart()
    delivery.write()
    wait_until(lambda: fluent_bit.retries >= 1, 60, "it has tried again")
    delivery.sink.start()
    delivery.assert_complete()


def test_sink_down_for_longer_than_there_is_room(
    start_fluent_bit: StartFluentBit, delivery: Delivery
) -> None:
    """What is lost is counted."""
    fluent_bit = start_fluent_bit({**delivery.values(), "limits": {"storage": "2M"}})
    delivery.sink.stop()

    def is_too_much() -> bool:
        delivery.write(1000)
        return fluent_bit.dropped > 0

    wait_until(is_too_much, 120, "something is dropped", interval=0.5)
    delivery.sink.start()
    wait_until(
        lambda: 0 < len(delivery.written()) - len(delivery.stored()) <= fluent_bit.dropped,
        60,
        "all is stored that was not dropped",
        explain=lambda: f"{len(delivery.stored())} are, {fluent_bit.dropped:g} were dropped",
    )
    delivery.tell()


@pytest.mark.parametrize("status", [429, 503])
def test_sink_that_refuses(
    start_fluent_bit: StartFluentBit, delivery: Delivery, status: int
) -> None:
    delivery.sink.refusal = status
    start_fluent_bit(delivery.values())
    delivery.write()
    wait_until(lambda: delivery.sink.statuses[status] >= 3, 60, "it was refused three times")
    delivery.write()
    assert delivery.stored() == []
    delivery.sink.refusal = None
    delivery.assert_complete()


def test_files_rotated_while_it_was_down(
    start_fluent_bit: StartFluentBit, delivery: Delivery
) -> None:
    fluent_bit = start_fluent_bit(delivery.values())
    delivery.write()
    fluent_bit.stop()
    for _ in range(2):
        delivery.write()
        rotate(delivery.logging)
        delivery.write()
    fluent_bit.start()
    delivery.write()
    rotate(delivery.logging)
    delivery.write()
    delivery.assert_complete()


def rotate(logging: LoggingServer) -> None:
    """Have a new file; their names differ by the second."""
    before = set(logging.folder.glob("*.json"))

    def is_new() -> bool:
        logging.server.database().execute("SELECT pg_rotate_logfile()")
        return set(logging.folder.glob("*.json")) != before

    wait_until(is_new, 30, "there is a new file", interval=0.3)


def test_one_entry_is_longer_than_the_limit(
    start_fluent_bit: StartFluentBit, delivery: Delivery
) -> None:
    """It is kept as it is as far as the limit, and its file is read on."""
    limited = {**delivery.values(), "limits": {"entry": "300K"}}
    start_fluent_bit(limited)
    delivery.write(10)
    database = delivery.logging.server.database()
    database.execute(
        f"DO $$ BEGIN RAISE WARNING '{delivery.marker} long %', repeat('x', 400000); END $$",
        options="-c client_min_messages=error",
    )
    delivery.write(10)
    delivery.assert_complete()
    documents = list(delivery.sink.documents.values())
    [cut] = [d for d in documents if d["level"] == "UNPARSED" and "long xxx" in d["message"]]
    assert 200_000 < len(cut["message"]) <= 300 * 1024


@pytest.fixture(scope="module")
def certificates(fluent_bit_program: Path, workspace: Workspace) -> dict[str, Path]:
    """Two self-signed certificates for loopback, with their keys."""
    folder = workspace.folder("certificates")
    return {name: certificate(folder / f"{name}.pem") for name in ("ours", "theirs")}


def certificate(path: Path) -> Path:
    subject = ["-subj", "/CN=sink", "-addext", f"subjectAltName=IP:{LOOPBACK}"]
    made = ["-newkey", "rsa:2048", "-noenc", "-keyout", str(path)]
    made += ["-out", "/dev/stdout", "-days", "2"]
    done = subprocess.run(
        ["openssl", "req", "-x509", *subject, *made], check=True, capture_output=True, text=True
    )
    path.write_text(path.read_text() + done.stdout)
    return path


def test_wrong_authority(
    start_fluent_bit: StartFluentBit,
    logging: LoggingServer,
    certificates: dict[str, Path],
    figure: Callable[[str], None],
) -> None:
    """What the sink may not see waits until it may."""
    with Sink(certificates["ours"]) as sink:
        delivery = Delivery(logging, sink, "wrong_authority", figure)
        fluent_bit = start_fluent_bit(
            delivery.values(tls=True, ca_file=str(certificates["theirs"]))
        )
        delivery.write()
        wait_until(lambda: fluent_bit.retries >= 2, 60, "it does not trust the sink")
        assert not sink.documents
        assert "certificate verify failed" in fluent_bit.process.output()
        fluent_bit.configure(delivery.values(tls=True, ca_file=str(certificates["ours"])))
        fluent_bit.restart()
        delivery.assert_complete()
