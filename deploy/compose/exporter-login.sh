#!/bin/sh
# Runs once, after grants.sql created the role: sets the password from the exporter's secret.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  --set password="$(cat "$EXPORTER_PASSWORD_FILE")" <<'SQL'
SET search_path = pg_catalog, pg_temp;
ALTER ROLE migration_exporter PASSWORD :'password';
CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA public;
SQL
