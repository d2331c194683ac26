"""What the panels of the dashboards have to show in the world of the demo while a build waits."""

from __future__ import annotations

#: Panels, or single queries of them, that have nothing to show, and why.
EMPTY = {
    "Migration cockpit / Changeset that failed": "the migration succeeded",
    "Migration cockpit / Who holds Liquibase's lock": "the migration has ended",
    "Migration cockpit / Queues by table": "the build waits for a transaction, not for a table",
    "Migration cockpit / Index builds in progress / left": "a build that waits has no end in sight",
    "Migration cockpit / Invalid indexes": "the index of a build in progress is none",
    "Migration cockpit / WAL kept for slots": "the standby uses no slot",
    "Migration cockpit / Errors of the migration": "no log pipeline is scraped",
    "Migration cockpit / Events of the log": "no log pipeline is scraped",
    "Exporter / Collectors left out": "every collector was asked",
    "Fleet / Targets that do not answer": "the exporter has one target, and it answers",
    "Exporter / Log pipeline": "no log pipeline is scraped",
    "Exporter / Entries read": "no log pipeline is scraped",
    "Exporter / Entries that wait or are lost": "no log pipeline is scraped",
    "Exporter / Lines by severity": "no log pipeline is scraped",
    "PostgreSQL / WAL kept for slots": "the standby uses no slot",
    "PostgreSQL / State of the slots": "the standby uses no slot",
    "PostgreSQL / WAL receiver": "the exporter watches the primary",
    "Quest service / P95 of the service's queries": "the demo has no quest service",
    "Quest service / Cache hits": "the demo has no quest service",
    "Quest service / Imports that succeed": "the demo has no quest service",
}

#: Those that may have something to show, and on what it depends.
UNCERTAIN = {
    "PostgreSQL / Sequences": "the exporter's role may not read them",
    "PostgreSQL / Delay that is meant to be": "no standby is delayed",
    "PostgreSQL / Subscriptions": "the demo has no subscription",
    "PostgreSQL / Invalid slots": "no slot is invalid",
    "PostgreSQL / Readers of the slots": "the standby uses no slot",
    "PostgreSQL / Logical consumers": "nothing decodes the WAL",
    "PostgreSQL / Damaged pages": "the server has no data checksums",
    "PostgreSQL / Replay": "the exporter watches the primary",
    "Exporter / Connections of the exporter's role": "the limit was not reached",
    "Exporter / Password": "the password of the role does not expire",
    "Exporter / Left out by a limit": "nothing is beyond a limit",
    "Migration cockpit / P95 now, before, and the target / before {{cluster}}": "time before it",
    "Migration cockpit / P95 latency against its baseline / {{datname}} before": "the same",
    "PostgreSQL / P95 latency against its baseline / {{datname}} before": "the same",
    "Migration cockpit / Index hits": "enough traffic",
    "PostgreSQL / Hits in shared buffers": "enough traffic",
    "Migration cockpit / Replication lag": "a standby that has reported its lag by now",
    "Fleet / Servers and their migrations / lag": "the same",
    "PostgreSQL / Long operations": "autovacuum",
    "Migration cockpit / Collectors that fail": "a machine that is too busy",
    "Exporter / Collectors that fail": "a machine that is too busy",
    "Exporter / Checks without a result": "a machine that is too busy",
}
