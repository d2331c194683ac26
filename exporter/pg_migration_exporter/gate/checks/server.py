"""The server: version, role, TLS, the log of DDL, standbys and connections."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from pg_migration_exporter.formatting import count, short_duration
from pg_migration_exporter.gate.check import (
    BuiltIn,
    Evidence,
    Finding,
    failed,
    none_of,
    passed,
    unknown,
)
from pg_migration_exporter.gate.reasons import by_reasons
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS
from pg_migration_exporter.postgres.query import Query

_TLS = "TLSv1.3"
_LOG_STATEMENTS = ("ddl", "mod", "all")

#: A setting of a role or a database that turns it off is one that the server's own would hide.
_LOG_STATEMENT = Query(
    """
select current_setting('log_statement') as setting,
       coalesce(current_setting('pgaudit.log', true), '') as pgaudit,
       array(select coalesce(r.rolname, d.datname, '')::text
               from pg_db_role_setting s
               left join pg_roles r on r.oid = s.setrole
               left join pg_database d on d.oid = s.setdatabase
              where 'log_statement=none' = any(s.setconfig)
                and (s.setdatabase = 0 or d.datname = current_database())) as turned_off
"""
)
_TLS_SETTINGS = Query(
    """
select current_setting('ssl')::bool as ssl,
       current_setting('ssl_min_protocol_version') as minimum
"""
)
_TLS_SESSIONS = Query(
    """
select host(a.client_addr) as address, coalesce(s.version, '') as version,
       count(*)::int4 as sessions
  from pg_stat_activity a join pg_stat_ssl s using (pid)
 where a.client_addr is not null
 group by 1, 2 order by 3 desc
"""
)
#: Without the programs that copy or archive the WAL.
_STANDBYS = Query(
    """
select application_name, state from pg_stat_replication
 where application_name not in ('pg_basebackup', 'pg_receivewal')
"""
)
_CONNECTIONS = Query(
    """
select count(*)::int4 as connections from pg_stat_activity where backend_type = 'client backend'
"""
)


def _version(evidence: Evidence) -> Finding:
    found = re.match(r"\d+", evidence.status.server.version or "")
    if found is None:
        return unknown("the server did not say its version")
    text = f"PostgreSQL {evidence.status.server.version}"
    oldest = evidence.profile.server_version
    return passed(text) if int(found[0]) >= oldest else failed(f"{text}; {oldest} is the oldest")


def _primary(evidence: Evidence) -> Finding:
    role = evidence.status.server.role
    if role is None:
        return unknown("the server did not say whether it is a primary")
    return passed("it is a primary") if role == "primary" else failed(f"it is a {role}")


def _log_statement(evidence: Evidence) -> Finding:
    [row] = evidence.rows
    audited = {"ddl", "all"} & {word.strip().lower() for word in row["pgaudit"].split(",")}
    if audited:
        return passed(f"pgaudit.log is {row['pgaudit']}")
    text = f"log_statement is {row['setting']}"
    if row["setting"] not in _LOG_STATEMENTS:
        return failed(text)
    off = ", ".join(name or "everyone" for name in row["turned_off"])
    return failed(f"{text}, but none for {off}") if off else passed(text)


def _tls_minimum(evidence: Evidence) -> Finding:
    [row] = evidence.rows
    if not row["ssl"]:
        return failed("ssl is off")
    text = f"ssl_min_protocol_version is {row['minimum']}"
    return passed(text) if row["minimum"] == _TLS else failed(text)


def _tls_sessions(evidence: Evidence) -> Finding:
    exempt = evidence.profile.tls_exempt
    asked = [
        row
        for row in evidence.rows
        if not any(ip_address(row["address"]) in network for network in exempt)
    ]
    wrong = [_session(row) for row in asked if row["version"] != _TLS]
    sessions = sum(row["sessions"] for row in asked)
    return none_of(wrong, f"{count(sessions, 'session')} over TCP, with {_TLS}")


def _session(row: Mapping[str, Any]) -> str:
    version = row["version"] or "no TLS"
    return f"{count(row['sessions'], 'session')} from {row['address']} with {version}"


def _standbys(evidence: Evidence) -> Finding:
    streaming = [row["application_name"] for row in evidence.rows if row["state"] == "streaming"]
    wanted = evidence.profile.standbys
    assert wanted is not None
    names = f": {', '.join(streaming)}" if streaming else ""
    text = f"{len(streaming)} of {wanted} stream{names}"
    return passed(text) if len(streaming) >= wanted else failed(text)


def _connections(evidence: Evidence) -> Finding:
    [row] = evidence.rows
    most = evidence.profile.connections
    assert most is not None
    text = f"{count(row['connections'], 'client connection')}, {most} at most"
    return passed(text) if row["connections"] <= most else failed(text)


def _lags(evidence: Evidence) -> Finding:
    replicas = evidence.status.replicas
    lags = (f"{replica.name} {short_duration(replica.lag_seconds)}" for replica in replicas)
    return passed(", ".join(lags) or "no standby is connected")


def _pools(evidence: Evidence) -> Finding:
    pools = evidence.status.pools[:5]
    shown = ", ".join(f"{pool.name} ({pool.type}) {pool.used:.0%}" for pool in pools)
    return passed(shown) if shown else unknown("no pool is known")


SERVER = (
    BuiltIn(
        name="server_version",
        phases=("pre",),
        severity="critical",
        summary="The server is new enough.",
        remedy="Upgrade the server, or let `server_version` of the profile name its major.",
        judge=_version,
        collector="server",
        on_failure="abort",
    ),
    BuiltIn(
        name="server_is_primary",
        phases=("pre", "during", "post"),
        severity="critical",
        summary="The server is a primary: a standby refuses every change.",
        remedy="Connect to the primary; after a failover, find out which server it is.",
        judge=_primary,
        collector="server",
        on_failure="abort",
    ),
    BuiltIn(
        name="ddl_is_logged",
        phases=("pre",),
        severity="warning",
        summary="The server logs DDL.",
        remedy="Set log_statement to ddl, or pgaudit.log to ddl.",
        judge=_log_statement,
        query=_LOG_STATEMENT,
    ),
    BuiltIn(
        name="tls_minimum",
        phases=("pre",),
        severity="warning",
        summary="The server accepts no TLS older than 1.3.",
        remedy="Set ssl to on and ssl_min_protocol_version to TLSv1.3.",
        judge=_tls_minimum,
        query=_TLS_SETTINGS,
    ),
    BuiltIn(
        name="tls_sessions",
        phases=("pre",),
        severity="warning",
        summary="Every session over TCP has TLS 1.3.",
        remedy="Let pg_hba.conf accept hostssl alone, and end the sessions without TLS; or name "
        "their networks in `tls_exempt` of the profile.",
        judge=_tls_sessions,
        query=_TLS_SESSIONS,
        requires=READ_ALL_STATS,
    ),
    BuiltIn(
        name="standbys_stream",
        phases=("pre", "during", "post"),
        severity="critical",
        summary="As many standbys stream as the profile expects.",
        remedy="Start the missing standby, or see in its log why it does not connect.",
        judge=_standbys,
        query=_STANDBYS,
        requires=READ_ALL_STATS,
        profile_key="standbys",
        runbook="PostgresStandbyLost",
    ),
    BuiltIn(
        name="replication_keeps_up",
        phases=("pre", "during", "post"),
        severity="critical",
        summary="No standby is far behind, and no slot is at risk.",
        remedy="Wait until the standbys have caught up; see what writes so much WAL.",
        judge=by_reasons(_lags),
        collector="replication",
        reasons=(
            "PostgresReplicationLagSevere",
            "PostgresReplicationLagElevated",
            "PostgresReplicationSlotAtRisk",
            "PostgresSynchronousStandbyMissing",
        ),
        runbook="PostgresReplicationLagElevated",
    ),
    BuiltIn(
        name="connections_few",
        phases=("pre",),
        severity="critical",
        summary="There are no more client connections than the profile allows.",
        remedy="See in pg_stat_activity who holds them; limit the pools of the applications.",
        judge=_connections,
        query=_CONNECTIONS,
        profile_key="connections",
    ),
    BuiltIn(
        name="pools_have_room",
        phases=("pre", "during", "post"),
        severity="critical",
        summary="Every pool of connections has room.",
        remedy="See in pg_stat_activity who holds the connections of that pool.",
        judge=by_reasons(_pools),
        collector="connections",
        reasons=("DatabaseConnectionPoolExhausted", "PostgresConnectionPoolHigh"),
        runbook="PostgresConnectionPoolHigh",
    ),
)
