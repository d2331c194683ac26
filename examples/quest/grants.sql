-- Grants the exporter's role SELECT on the tables that metrics.yaml reads:
--
--   psql -d game -v exporter=migration_exporter -f grants.sql

\set ON_ERROR_STOP on
\if :{?exporter} \else \set exporter migration_exporter \endif

GRANT SELECT ON public.quest_attempt, public.quest_validation_error TO :"exporter";
