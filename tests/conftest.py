"""What all tests share; the fixtures of each subject live in `tests/fixtures/`."""

pytest_plugins = [
    "tests.fixtures.servers",
    "tests.fixtures.migrations",
    "tests.fixtures.exporters",
    "tests.fixtures.fluent_bit",
]
