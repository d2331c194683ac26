"""The timeout of a scrape, from Prometheus's header and the configuration."""

from __future__ import annotations

import pytest

from pg_migration_exporter.config.schema import ScrapeSection
from pg_migration_exporter.web.prometheus import TIMEOUT_HEADER, scrape_timeout

SETTINGS = ScrapeSection(timeout=10, timeout_offset=0.5)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("10", 9.5),
        ("10.000000", 9.5),
        ("5", 4.5),
        ("60", 10),
        ("0.4", 0.2),
        ("0.001", 0.05),
        ("0", 10),
        ("-1", 10),
        ("nan", 10),
        ("inf", 10),
        ("soon", 10),
        ("", 10),
    ],
)
def test_header(header: str, seconds: float) -> None:
    assert scrape_timeout({TIMEOUT_HEADER: header}, SETTINGS) == pytest.approx(seconds)


def test_no_header() -> None:
    assert scrape_timeout({}, SETTINGS) == 10
