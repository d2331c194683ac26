"""A number of the values that could be changed unseen would be tested by nothing."""

from __future__ import annotations

import json
import zlib
from itertools import islice

import pytest

from tests.bundle.all_alerts import GROUPS
from tests.bundle.mutations import mutations, survivors

#: As many as fit into some seconds; `make mutations` tries all.
_SAMPLE = 12


@pytest.mark.slow
def test_unit_tests_notice_changed_values() -> None:
    """The sample turns with the rules, so that work on them meets all values sooner or later."""
    every = mutations()
    first = zlib.crc32(json.dumps(GROUPS).encode()) % len(every)
    turned = [*every[first:], *every[:first]]
    stride = len(every) // _SAMPLE
    assert survivors(list(islice(turned, 0, None, stride))) == []
