"""Makes samples of the waits for locks."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pg_migration_exporter.collectors.contract import RunContext
from pg_migration_exporter.collectors.locks import lock_families as families
from pg_migration_exporter.collectors.locks.chains import Chains
from pg_migration_exporter.postgres.rows import Rows

#: Roots with a series of their own; the others are `other`.
_MAX_ROOTS = 10


def publish_queues(context: RunContext[Any], chains: Chains) -> None:
    """Add the queues of the relations of this database."""
    datname = context.capabilities.datname
    for (schemaname, relname), depth in chains.queues(datname).items():
        context.add(families.QUEUE_DEPTH, depth, datname, schemaname, relname)


def publish_counts(context: RunContext[Any], chains: Chains, databases: Rows) -> None:
    """Add the counts of every database of the server."""
    migrations = context.settings.liquibase.application_names
    for (datname,) in databases.rows:
        context.add(families.BLOCKED, chains.blocked(datname), datname)
        context.add(families.BLOCKING, chains.blocking(datname), datname)
        longest, advisory = (chains.longest(datname, advisory=kind) for kind in (False, True))
        context.add(families.LONGEST_WAIT, longest, datname)
        context.add(families.LONGEST_ADVISORY_WAIT, advisory, datname)
        behind = chains.behind_migrations(datname, migrations)
        context.add(families.MIGRATION_BLOCKED, behind, datname)


def publish_roots(context: RunContext[Any], chains: Chains) -> None:
    """Add how many sessions wait behind the roots, by database, application and state."""
    behind: Counter[tuple[str, str, str]] = Counter()
    for root in chains.roots():
        labels = (root.datname, root.application_name, root.state)
        behind[labels] += len(chains.behind(root.pid))
    most_first = behind.most_common()
    for labels, count in most_first[:_MAX_ROOTS]:
        context.add(families.BEHIND, count, *labels)
    if others := most_first[_MAX_ROOTS:]:
        context.add(families.BEHIND, sum(count for _, count in others), "", "other", "")
