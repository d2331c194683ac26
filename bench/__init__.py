"""What a scrape costs: the exporter beside postgres_exporter, on one server, in one run."""
