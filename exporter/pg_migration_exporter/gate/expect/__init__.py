"""The expectation: what a schema looks like after the migration, read from a rehearsal."""
