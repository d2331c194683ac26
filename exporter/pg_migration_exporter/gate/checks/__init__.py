"""The catalogue of built-in checks, in the order of docs/gate.md."""

from pg_migration_exporter.gate.check import BuiltIn
from pg_migration_exporter.gate.checks.expectation import EXPECTATION
from pg_migration_exporter.gate.checks.migration import MIGRATION
from pg_migration_exporter.gate.checks.recovery import RECOVERY
from pg_migration_exporter.gate.checks.roles import ROLES
from pg_migration_exporter.gate.checks.server import SERVER
from pg_migration_exporter.gate.checks.work import WORK

CHECKS: tuple[BuiltIn, ...] = (*SERVER, *RECOVERY, *ROLES, *WORK, *MIGRATION, *EXPECTATION)
