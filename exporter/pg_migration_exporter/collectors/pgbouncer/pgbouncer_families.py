"""The metric families of PgBouncer's SHOW commands, under the names of pgbouncer_exporter.

Columns are found by name, because newer versions add some, and renamed one (PgBouncer, "Admin
console" and NEWS, 1.18 to 1.26). A column that is absent or null has no sample.
"""

from __future__ import annotations

from dataclasses import dataclass

from pg_migration_exporter.metrics.families import Family, MetricType

_MICROSECONDS = 1e-6


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer, under any of its `names`; `scale` converts it to base units."""

    names: tuple[str, ...]
    family: Family
    scale: float = 1


@dataclass(frozen=True, slots=True)
class Show:
    """A command whose rows are samples of several families; labels are columns too."""

    command: str
    columns: tuple[Column, ...]


UP = Family("pgbouncer_up", "gauge", "1 if PgBouncer's admin console answered in this scrape.")
VERSION = Family("pgbouncer_version_info", "gauge", "The version of PgBouncer.", ("version",))


def _show(
    command: str,
    prefix: str,
    metric_type: MetricType,
    labels: tuple[str, ...],
    *columns: tuple[str, str, str] | tuple[str, str, str, float],
) -> Show:
    """`columns`: names of the column, end of the family's name, help, and scale unless 1."""
    return Show(
        command,
        tuple(
            Column(
                tuple(names.split()),
                Family(f"pgbouncer_{prefix}_{name}", metric_type, text, labels),
                *scale,
            )
            for names, name, text, *scale in columns
        ),
    )


DATABASES = _show(
    "DATABASES",
    "databases",
    "gauge",
    ("name", "host", "port", "database", "force_user", "pool_mode"),
    ("pool_size", "pool_size", "Maximum number of server connections of each pool."),
    (
        "reserve_pool_size reserve_pool",
        "reserve_pool",
        "Maximum number of additional server connections of each pool.",
    ),
    ("max_connections", "max_connections", "Maximum number of server connections, 0 for any."),
    ("current_connections", "current_connections", "Server connections of the database."),
    ("paused", "paused", "1 if the database is paused."),
    ("disabled", "disabled", "1 if the database is disabled."),
)

POOLS = _show(
    "POOLS",
    "pools",
    "gauge",
    ("database", "user"),
    (
        "cl_active",
        "client_active_connections",
        "Clients that are linked to a server connection, or idle without a query to run.",
    ),
    (
        "cl_active_cancel_req",
        "client_active_cancel_connections",
        "Clients whose request to cancel was sent to the server.",
    ),
    ("cl_waiting", "client_waiting_connections", "Clients that wait for a server connection."),
    (
        "cl_waiting_cancel_req",
        "client_waiting_cancel_connections",
        "Clients whose request to cancel was not sent yet.",
    ),
    ("sv_active", "server_active_connections", "Server connections linked to a client."),
    (
        "sv_active_cancel",
        "server_active_cancel_connections",
        "Server connections that send a request to cancel.",
    ),
    (
        "sv_being_canceled",
        "server_being_canceled_connections",
        "Server connections that wait for requests to cancel a query on them.",
    ),
    ("sv_idle", "server_idle_connections", "Server connections that are free."),
    (
        "sv_used",
        "server_used_connections",
        "Server connections that are free, but need server_check_query before they are used.",
    ),
    (
        "sv_tested",
        "server_testing_connections",
        "Server connections that run server_reset_query or server_check_query.",
    ),
    ("sv_login", "server_login_connections", "Server connections that log in."),
    ("maxwait", "client_maxwait_seconds", "How long the first client in the queue has waited."),
)

STATS = _show(
    "STATS_TOTALS",
    "stats_totals",
    "counter",
    ("database",),
    ("query_count", "queries_pooled_total", "Queries."),
    (
        "query_time",
        "queries_duration_seconds_total",
        "Time that queries ran on the server.",
        _MICROSECONDS,
    ),
    ("bytes_received", "received_bytes_total", "Bytes received."),
    ("bytes_sent", "sent_bytes_total", "Bytes sent."),
    (
        "wait_time",
        "client_wait_seconds_total",
        "Time that clients waited for a server connection.",
        _MICROSECONDS,
    ),
    ("xact_count", "sql_transactions_pooled_total", "Transactions."),
    (
        "xact_time",
        "server_in_transaction_seconds_total",
        "Time that server connections were in a transaction, idle or not.",
        _MICROSECONDS,
    ),
    ("client_parse_count", "client_parses_total", "Prepared statements made by clients."),
    ("server_parse_count", "server_parses_total", "Prepared statements made on the server."),
    ("bind_count", "binds_total", "Prepared statements bound by clients."),
    ("client_login_count", "client_logins_total", "Clients that logged in."),
    (
        "server_assignment_count",
        "server_assignments_total",
        "Times that a server connection was given to a client.",
    ),
)

SHOWS = (DATABASES, POOLS, STATS)


def _gauges(*families: tuple[str, str, str]) -> dict[str, Family]:
    return {row: Family(f"pgbouncer_{name}", "gauge", text) for row, name, text in families}


#: Rows of SHOW LISTS, by their first column.
LISTS = _gauges(
    ("databases", "databases", "Databases."),
    ("users", "users", "Users."),
    ("pools", "pools", "Pools."),
    ("free_clients", "free_clients", "Free clients."),
    ("used_clients", "used_clients", "Used clients."),
    ("login_clients", "login_clients", "Clients that log in."),
    ("free_servers", "free_servers", "Free servers."),
    ("used_servers", "used_servers", "Used servers."),
    ("dns_names", "cached_dns_names", "Names in the DNS cache."),
    ("dns_zones", "cached_dns_zones", "Zones in the DNS cache."),
    ("dns_queries", "in_flight_dns_queries", "DNS queries under way."),
)

#: Rows of SHOW CONFIG, by their first column.
CONFIG = _gauges(
    ("max_client_conn", "config_max_client_connections", "Setting max_client_conn."),
    ("max_user_connections", "config_max_user_connections", "Setting max_user_connections."),
)

FAMILIES = (
    UP,
    VERSION,
    *LISTS.values(),
    *CONFIG.values(),
    *(column.family for show in SHOWS for column in show.columns),
)
