"""Benchmark of a scrape: the exporter and postgres_exporter on one server, in one run."""
