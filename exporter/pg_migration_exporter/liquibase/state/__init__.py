"""The state of a migration: evidence, what is remembered, the decision, and its texts."""
