"""Liquibase: changelog files, history tables, reports of runs, and the state of a migration."""
