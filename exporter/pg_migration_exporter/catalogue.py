"""Every metric family that the exporter can publish: what documents, rules and checks rely on."""

from __future__ import annotations

from pg_migration_exporter import own_metrics, scrape
from pg_migration_exporter.collectors import COLLECTORS
from pg_migration_exporter.families import Family

FAMILIES: tuple[Family, ...] = (
    *dict.fromkeys(family for collector in COLLECTORS for family in collector.families),
    *scrape.FAMILIES,
    *own_metrics.FAMILIES,
)
