"""Reports of wrapped runs: their format, and the places where they arrive."""
