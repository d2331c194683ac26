#!/bin/sh
# Runs once, after grants.sql made the role: the exporter may log in with the password of its secret.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  --set password="$(cat "$EXPORTER_PASSWORD_FILE")" <<'SQL'
ALTER ROLE migration_exporter PASSWORD :'password';
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
SQL
