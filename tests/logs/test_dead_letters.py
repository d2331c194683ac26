"""What a destination refuses for good waits, or becomes a dead letter: it is never just gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from testbed.waiting import wait_until
from tests.logs.delivery import Delivery
from tests.logs.fluent_bit import ObservedFluentBit, StartFluentBit

pytestmark = pytest.mark.pg(">= 15")


def chunks(fluent_bit: ObservedFluentBit) -> Path:
    """Folder of what waits."""
    return fluent_bit.state / "chunks/tail.0"


def dead_letters(fluent_bit: ObservedFluentBit) -> Path:
    return fluent_bit.state / "chunks/rejected"


def entries_in(folder: Path, delivery: Delivery) -> list[str]:
    """Messages of this test in the chunks of a folder, sorted."""
    ours = re.compile(rf"{re.escape(delivery.marker)} batch \d+ \d+")
    texts = (path.read_bytes().decode(errors="replace") for path in folder.glob("*.flb"))
    return sorted(message for text in texts for message in ours.findall(text))


def write_misfits(fluent_bit: ObservedFluentBit, delivery: Delivery) -> tuple[list[str], list[str]]:
    """Write entries of which some do not fit the mapping; these, and all others, which are stored.

    It has begun to try again.
    """

    def is_misfit(message: str) -> bool:
        return message.startswith(delivery.marker) and message.endswith("7")

    delivery.sink.is_unfit = lambda document: is_misfit(document["message"])
    delivery.write(50)
    misfits = [text for text in delivery.written() if is_misfit(text)]
    others = [text for text in delivery.written() if not is_misfit(text)]
    wait_until(lambda: delivery.stored() == others, 60, "all others are stored")
    wait_until(lambda: fluent_bit.retries >= 1, 60, "it says that it tries again")
    return misfits, others


def test_refused_documents_wait(start_fluent_bit: StartFluentBit, delivery: Delivery) -> None:
    """They take no others with them, and outlive a restart, until they fit the mapping."""
    fluent_bit = start_fluent_bit(delivery.values())
    misfits, others = write_misfits(fluent_bit, delivery)
    fluent_bit.restart()
    wait_until(lambda: fluent_bit.retries >= 1, 60, "it goes on trying")
    assert delivery.stored() == others
    assert set(misfits) <= set(entries_in(chunks(fluent_bit), delivery))
    assert not dead_letters(fluent_bit).exists()
    delivery.sink.is_unfit = lambda _: False
    delivery.assert_complete()


def test_chunks_laid_aside(start_fluent_bit: StartFluentBit, delivery: Delivery) -> None:
    """As docs/logs.md has it: not tried any more, and delivered when they are back."""
    fluent_bit = start_fluent_bit(delivery.values())
    misfits, others = write_misfits(fluent_bit, delivery)
    fluent_bit.stop()
    waiting, aside = chunks(fluent_bit), fluent_bit.state / "aside"
    named = re.findall(r"failed to flush chunk '(\S+)'", fluent_bit.process.output())
    assert set(named) == {path.name for path in waiting.iterdir()}
    waiting.rename(aside)

    fluent_bit.start()
    delivery.sink.is_unfit = lambda _: False
    delivery.write(10)
    expected = sorted(set(delivery.written()) - set(misfits))
    assert len(expected) == len(others) + 10
    wait_until(lambda: delivery.stored() == expected, 60, "new ones are stored")
    assert fluent_bit.retries == 0

    fluent_bit.stop()
    for path in aside.iterdir():
        path.rename(waiting / path.name)
    fluent_bit.start()
    delivery.assert_complete()


def test_lines_that_loki_refuses(start_fluent_bit: StartFluentBit, delivery: Delivery) -> None:
    """They are dead letters, counted, and not sent again, even after a restart."""
    delivery.sink.refusal = 400
    fluent_bit = start_fluent_bit(delivery.values(kind="loki"))
    for _ in range(2):
        delivery.write(20)
        await_dead_letters(fluent_bit, delivery)
    refused = delivery.written()
    wait_until(lambda: fluent_bit.dropped >= len(refused), 30, "they are counted")
    assert fluent_bit.retries == 0

    delivery.sink.refusal = None
    delivery.write(20)
    await_lines(20, delivery)
    fluent_bit.restart()
    delivery.write(20)
    await_lines(40, delivery)
    assert entries_in(dead_letters(fluent_bit), delivery) == refused


def await_dead_letters(fluent_bit: ObservedFluentBit, delivery: Delivery) -> None:
    wait_until(
        lambda: entries_in(dead_letters(fluent_bit), delivery) == delivery.written(),
        60,
        "all that was written is there",
    )


def await_lines(number: int, delivery: Delivery) -> None:
    def pushed() -> int:
        return sum(f"{delivery.marker} batch " in line for _, line in list(delivery.sink.lines))

    wait_until(lambda: pushed() == number, 60, f"{number} lines are pushed")
