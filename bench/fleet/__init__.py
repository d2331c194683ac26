"""`make bench-fleet`: many targets of one process, and what a scrape costs as a database grows."""
