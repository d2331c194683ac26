-- Lets the exporter's role read what metrics.yaml asks for:
--
--   psql -d game -v exporter=migration_exporter -f grants.sql

\set ON_ERROR_STOP on
\if :{?exporter} \else \set exporter migration_exporter \endif

GRANT SELECT ON public.quest_attempt, public.quest_validation_error TO :"exporter";
