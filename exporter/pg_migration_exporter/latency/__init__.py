"""Latency histograms, estimated from the cumulative statistics of statements."""
