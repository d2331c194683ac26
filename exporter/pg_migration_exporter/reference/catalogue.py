"""Every metric family that the exporter can publish."""

from __future__ import annotations

from pg_migration_exporter.collectors import COLLECTORS
from pg_migration_exporter.config.custom_metrics import occupied_names
from pg_migration_exporter.engine import fleet, reloader, scrape_families
from pg_migration_exporter.metrics import own_metrics, refusals
from pg_migration_exporter.metrics.families import Family
from pg_migration_exporter.status import judgement

FAMILIES: tuple[Family, ...] = (
    *dict.fromkeys(family for collector in COLLECTORS for family in collector.families),
    *scrape_families.FAMILIES,
    *judgement.FAMILIES,
    *fleet.FAMILIES,
    *reloader.FAMILIES,
    *own_metrics.FAMILIES,
    *refusals.FAMILIES,
)

#: The names that they occupy on a page, which custom metrics may not have.
TAKEN_NAMES = frozenset(name for family in FAMILIES for name in occupied_names(family))
