"""Feeds arbitrary input to everything that reads what others write: `make fuzz`."""
