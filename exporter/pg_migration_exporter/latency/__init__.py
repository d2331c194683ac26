"""From the cumulative statistics of statements to a latency histogram."""
