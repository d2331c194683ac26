"""Liquibase's migrations: state, lock and history of every changelog in a database."""

from pg_migration_exporter.collectors.liquibase.collector import LIQUIBASE as LIQUIBASE
from pg_migration_exporter.collectors.liquibase.collector import poll as poll
