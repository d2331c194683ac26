"""Tries inputs until the time is over; a crash, two seconds or 256 MB are failures."""

from __future__ import annotations

import resource
import time
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.targets import Target, Try

_LONGEST = 2.0
_LARGEST = 256 << 20
#: Inputs of one round of hypothesis, which remembers all of them.
_ROUND = 200


def fuzz(target: Target, seconds: float, first_seed: int) -> int:
    """Try inputs for so long, at least one; return how many.

    Raises what hypothesis found, made small.
    """
    tried = 0
    with target.start() as attempt:
        until = time.monotonic() + seconds

        def checked(content: bytes) -> None:
            nonlocal tried
            if time.monotonic() < until or not tried:
                tried += 1
                _limit(attempt, content)

        for number in count(first_seed):
            if tried and time.monotonic() >= until:
                return tried
            _round(target, checked, number)
    return tried


def _round(target: Target, attempt: Try, number: int) -> None:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    phases = (Phase.generate, Phase.shrink)

    @seed(number)
    @settings(max_examples=_ROUND, database=None, suppress_health_check=slow, phases=phases)
    @given(target.inputs)
    def attempt_all(content: bytes) -> None:
        attempt(content)

    attempt_all()


def _limit(attempt: Try, content: bytes) -> None:
    started, before = time.process_time(), _resident()
    attempt(content)
    assert time.process_time() - started < _LONGEST, "it took too long"
    assert _resident() - before < _LARGEST, "it took too much memory"


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()
