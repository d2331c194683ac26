"""A moment of `make fuzz`, which finds more in minutes."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from tests.fuzz.run import fuzz
from tests.fuzz.targets import TARGETS, Target


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_nothing_is_found_in_a_moment(target: Target) -> None:
    assert fuzz(target, 2.0, first_seed=1) > 0


def test_what_fails_is_found() -> None:
    def fail(content: bytes) -> None:
        assert b"\n" not in content

    with pytest.raises(AssertionError):
        fuzz(Target(TARGETS["rows"].inputs, lambda: nullcontext(fail)), 20.0, first_seed=1)
