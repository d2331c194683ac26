"""Index builds: the progress of those that run, the outcome of the others, and invalid indexes.

Series of a build in progress end with it, and so does an alert on its duration. Builds that end
between two scrapes are counted by the watcher.
"""

from __future__ import annotations

from pg_migration_exporter.collectors.contract import Collector, RunContext
from pg_migration_exporter.collectors.index_builds import sql
from pg_migration_exporter.collectors.index_builds.index_build_families import FAMILIES
from pg_migration_exporter.collectors.index_builds.memory import IndexBuildMemory
from pg_migration_exporter.collectors.index_builds.observe import observe
from pg_migration_exporter.collectors.index_builds.publish import publish_build, publish_memory
from pg_migration_exporter.postgres.capabilities import READ_ALL_STATS


async def collect(context: RunContext[IndexBuildMemory]) -> None:
    """Publish the builds in progress and what is remembered of others."""
    for build in await observe(context):
        publish_build(context, build)
    publish_memory(context)


async def watch(context: RunContext[IndexBuildMemory]) -> bool:
    """Notice builds between two scrapes; True while one is in progress."""
    return bool(await observe(context)) or bool(context.memory.builds)


INDEX_BUILDS = Collector(
    name="index_builds",
    help="CREATE INDEX, REINDEX and rewriting ALTER TABLE: progress and outcome; invalid indexes.",
    sources=("pg_stat_progress_create_index", "pg_stat_activity", "pg_locks", "pg_index"),
    families=FAMILIES,
    queries=(
        sql.IN_PROGRESS,
        sql.IS_OPEN,
        sql.AFTERWARDS,
        sql.INVALID_ANYWHERE,
        sql.INVALID_AMONG,
    ),
    requires=(READ_ALL_STATS,),
    collect=collect,
    memory=lambda _: IndexBuildMemory(),
    watch=watch,
)
