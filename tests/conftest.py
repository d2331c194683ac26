"""What all tests share; the fixtures of each subject live in `tests/fixtures/`."""

from hypothesis import settings

pytest_plugins = [
    "tests.fixtures.servers",
    "tests.fixtures.migrations",
    "tests.fixtures.exporters",
    "tests.fixtures.migration_watch",
]

# How long one example takes is the machine's business; pytest-timeout ends what hangs.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
