"""Nobody is notified of an ordinary night and morning; `make quiet-week` plays a week."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bundle.quiet_times import DAY
from tests.bundle.quiet_week import notified


@pytest.mark.slow
def test_nobody_is_notified_of_an_ordinary_night_and_morning(tmp_path: Path) -> None:
    """A dump, the morning's ramp, releases, and a new pod of the exporter."""
    assert notified(DAY // 2, tmp_path) == ""
