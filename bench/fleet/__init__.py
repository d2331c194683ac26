"""`make bench-fleet`: many targets of one process, and the cost of a scrape by database size."""
