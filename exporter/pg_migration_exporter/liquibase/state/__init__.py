"""The state of a migration: evidence, memory, decision and texts."""
