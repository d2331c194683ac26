"""What all tests share; the fixtures of each subject live in `tests/fixtures/`."""

from hypothesis import settings

pytest_plugins = [
    "tests.fixtures.servers",
    "tests.fixtures.migrations",
    "tests.fixtures.exporters",
    "tests.fixtures.grants",
    "tests.fixtures.drills",
    "tests.fixtures.wrapper",
    "tests.fixtures.migration_watch",
    "tests.fixtures.scenario",
    "tests.fixtures.survival",
    "tests.fixtures.java_reporter",
    "tests.fixtures.fluent_bit",
    "tests.fixtures.pictures",
    "tests.fixtures.certificates",
    "tests.fixtures.reruns",
    "tests.fixtures.printable_reports",
]

# How long an example takes says something about the machine, not about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
