"""Prometheus exporter for PostgreSQL that understands Liquibase schema migrations."""

__version__ = "0.1.0"
