"""What a plain YAML scalar becomes on its way to the history; the results are real Liquibase's."""

import pytest

from pg_migration_exporter.liquibase.changelog.findings import RefusalError
from pg_migration_exporter.liquibase.changelog.nodes import ValueKind
from pg_migration_exporter.liquibase.changelog.yaml_scalars import resolve

NUMBERS = {
    "1": "1",
    "+5": "5",
    "-0": "0",
    "0010": "8",
    "-010": "-8",
    "0777777777777777777777": "9223372036854775807",
    "0x1F": "31",
    "-0xff": "-255",
    "0b11": "3",
    "1_000": "1000",
    "1__0": "10",
    "12:30:45": "45045",
    "-1:30": "-90",
    "20260106123456789012": "20260106123456789012",
    "1.0": "1.0",
    "1.10": "1.1",
    "1.": "1.0",
    ".5": "0.5",
    "-0.0": "-0.0",
    "1e3": "1000.0",
    "1e7": "1.0E7",
    "9999999.0": "9999999.0",
    "12345678.0": "1.2345678E7",
    "1234567890.10": "1.2345678901E9",
    "0.001": "0.001",
    "0.00099": "9.9E-4",
    "1e-5": "1.0E-5",
    "1e21": "1.0E21",
    "1e400": "Infinity",
    "-.INF": "-Infinity",
    ".NaN": "NaN",
    "1:30.5": "90.5",
    "1_2.3_4": "12.34",
    "1.7976931348623157e308": "1.7976931348623157E308",
}
DATES = {
    "2026-01-06": "Tue Jan 06 00:00:00 UTC 2026",
    "2026-02-30": "Mon Mar 02 00:00:00 UTC 2026",
    "2026-13-45": "Sun Feb 14 00:00:00 UTC 2027",
    "2026-01-06 10:11:12": "2026-01-06 10:11:12",
    "2026-1-6 1:02:03.5": "2026-01-06 01:02:03",
    "2026-01-06T10:11:12Z": "2026-01-06 10:11:12",
    "2026-01-06 10:11:12+02:00": "Tue Jan 06 08:11:12 UTC 2026",
    "2026-01-06 10:11:12-05:30": "Tue Jan 06 15:41:12 UTC 2026",
    "2026-01-06 99:99:99": "2026-01-10 04:40:39",
}
TEXTS = ("08", "0o7", "1-2", "1.2.3", "2026-1-6", "y", "Nothing", "01x", "_1", "1:60", "tRue")


@pytest.mark.parametrize(("scalar", "printed"), NUMBERS.items())
def test_number(scalar: str, printed: str) -> None:
    assert resolve(scalar) == (printed, ValueKind.NUMBER)


@pytest.mark.parametrize(("scalar", "printed"), DATES.items())
def test_date(scalar: str, printed: str) -> None:
    assert resolve(scalar) == (printed, ValueKind.TIMESTAMP)


@pytest.mark.parametrize("scalar", TEXTS)
def test_text_stays_as_it_is(scalar: str) -> None:
    assert resolve(scalar) == (scalar, ValueKind.TEXT)


@pytest.mark.parametrize(
    ("scalar", "printed"), {"yes": "true", "Off": "false", "ON": "true"}.items()
)
def test_boolean(scalar: str, printed: str) -> None:
    assert resolve(scalar) == (printed, ValueKind.BOOLEAN)


@pytest.mark.parametrize("scalar", ["", "~", "null", "NULL"])
def test_null(scalar: str) -> None:
    assert resolve(scalar)[1] is ValueKind.NULL


@pytest.mark.parametrize("scalar", ["._", "1500-01-01", "0000-01-01"])
def test_what_is_no_number_or_date_after_all_is_refused(scalar: str) -> None:
    with pytest.raises(RefusalError, match="YAML reads"):
        resolve(scalar)
