"""The servers that the demo, the tests and the benchmark share: one module for each."""
