"""Latency and counters of statements, from pg_stat_statements and pg_stat_monitor."""

from __future__ import annotations

from pg_migration_exporter.collectors.query_duration.monitor_collector import MONITORED_DURATIONS
from pg_migration_exporter.collectors.query_duration.query_duration_families import QUERY_DURATION
from pg_migration_exporter.collectors.query_duration.statement_collector import QUERY_DURATIONS

__all__ = ["MONITORED_DURATIONS", "QUERY_DURATION", "QUERY_DURATIONS"]
