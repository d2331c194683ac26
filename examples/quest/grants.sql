-- Grants the exporter's role SELECT on the tables that metrics.yaml reads:
--
--   psql -d game -v exporter=migration_exporter -f grants.sql

\set ON_ERROR_STOP on

-- No function or operator that others created in this database is called with your rights.
SET search_path = pg_catalog, pg_temp;

\if :{?exporter} \else \set exporter migration_exporter \endif

GRANT SELECT ON public.quest_attempt, public.quest_validation_error TO :"exporter";
