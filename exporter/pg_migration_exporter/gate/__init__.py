"""The gate: go, hold or abort before, during and after a migration (docs/gate.md)."""
