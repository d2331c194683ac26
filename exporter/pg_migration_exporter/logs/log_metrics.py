"""Metrics that Fluent Bit makes from the log: declared as families, rendered as its filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pg_migration_exporter.collectors.query_duration.query_duration_families import QUERY_DURATION
from pg_migration_exporter.latency.histogram import BOUNDS
from pg_migration_exporter.metrics.families import Family, MetricType

#: Field of an entry with the seconds that a histogram observes.
VALUE_FIELD = "seconds"
_MINUTES = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


@dataclass(frozen=True, slots=True)
class LogMetric:
    """A family, the field of an entry behind each label, and which entries are counted.

    `when` is a field and the pattern that it must match. With `of_kept`, only stored entries are
    counted, and the filter skips the others. `bounds` are those of a histogram's buckets.
    """

    family: Family
    labels: Mapping[str, str]
    when: tuple[str, str] | None = None
    of_kept: bool = False
    bounds: tuple[float, ...] = ()

    @property
    def name_parts(self) -> tuple[str, str, str]:
        """Namespace, subsystem and name, which Fluent Bit joins with underscores."""
        namespace, subsystem, name = self.family.name.split("_", 2)
        return namespace, subsystem, name


def _metric(
    name: str, metric_type: MetricType, text: str, labels: Mapping[str, str], **options: Any
) -> LogMetric:
    """Return a metric that only the log has; `labels` and `options` are those of `LogMetric`."""
    return LogMetric(Family(name, metric_type, text, tuple(labels)), labels, **options)


_EVENT = {"event": "event", "db": "db_label", "relation": "relation"}

METRICS: tuple[LogMetric, ...] = (
    _metric(
        "postgres_log_messages_total",
        "counter",
        "Entries of the server log. level is UNPARSED where an entry could not be read.",
        {"level": "level", "sqlstate": "sqlstate_label", "db": "db_label"},
    ),
    LogMetric(
        replace(QUERY_DURATION, help="Execution time of statements, of a sample of them."),
        {"datname": "db_label", "source": "source"},
        when=("timed", "^query$"),
        bounds=BOUNDS,
    ),
    _metric(
        "postgres_log_events_total",
        "counter",
        "Entries that tell of a lock wait, a deadlock, a checkpoint and the like.",
        _EVENT,
        when=("event", "."),
        of_kept=True,
    ),
    _metric(
        "postgres_log_event_duration_seconds",
        "histogram",
        "How long lock waits, checkpoints and autovacuum of watched tables took.",
        _EVENT,
        when=("timed", "^event$"),
        of_kept=True,
        bounds=_MINUTES,
    ),
    _metric(
        "postgres_log_migration_errors_total",
        "counter",
        "Errors of sessions that run migrations, by application_name.",
        {"application_name": "application_label", "db": "db_label", "sqlstate": "sqlstate_label"},
        when=("application_label", "."),
        of_kept=True,
    ),
)


def _pipeline_metric(name: str, text: str) -> Family:
    return Family(f"fluentbit_{name}_total", "counter", text, ("name",))


#: Metrics of Fluent Bit itself on the same page that alert rules use. The label is the alias of the
#: input (postgresql_log) or the output (store). Fluent Bit, "Monitoring".
PIPELINE_METRICS: tuple[Family, ...] = (
    _pipeline_metric("input_records", "Number of input records."),
    _pipeline_metric("output_proc_records", "Number of processed output records."),
    _pipeline_metric("output_retries", "Number of output retries."),
    _pipeline_metric("output_errors", "Number of output errors."),
    _pipeline_metric("output_dropped_records", "Number of dropped records."),
)

FAMILIES: tuple[Family, ...] = (*(metric.family for metric in METRICS), *PIPELINE_METRICS)
