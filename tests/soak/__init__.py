"""A long run of load, migrations and faults: `python -m tests.soak --minutes 10`."""
