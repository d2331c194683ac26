-- Creates the least-privileged role of pg-migration-exporter. Run this file as an administrator in
-- every watched database. Run it again at any time, for example after Liquibase created its tables:
--
--   psql -d DATABASE -v exporter=migration_exporter -f grants.sql
--
-- With -v migrator=ROLE (the role that runs Liquibase), the exporter may also read tables that this
-- role creates later in the schemas of Liquibase's tables, so that the grants survive a `drop-all`.
-- This includes other tables of these schemas: if the exporter must not read them, omit the option
-- and run this file again instead.
--
-- -v connections=N raises the role's limit of 4 connections: two for each watched database, and two
-- spare ones.
--
-- Set a password afterwards with \password, or use a certificate or peer authentication.

\set ON_ERROR_STOP on
\if :{?exporter} \else \set exporter migration_exporter \endif

SELECT format('CREATE ROLE %I LOGIN CONNECTION LIMIT 4', :'exporter')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'exporter')
\gexec

\if :{?connections}
ALTER ROLE :"exporter" CONNECTION LIMIT :connections;
\endif

-- Statistics of all sessions and statements, but no user tables.
GRANT pg_monitor TO :"exporter";

-- Recommended settings of the role. Managed services may refuse some of them: then the file prints
-- a warning with the consequence, and continues. The block below cannot read psql variables, only
-- settings of the session.
SELECT set_config('grants.exporter', :'exporter', false) AS exporter
\gset

DO $$
DECLARE
  command text;
  setting record;
BEGIN
  FOR setting IN
    SELECT *
      FROM (VALUES
             ('default_transaction_read_only', 'on',
              'Only the exporter''s own settings prevent writes.'),
             ('pg_stat_statements.track', 'none',
              'The exporter''s own statements are counted in pg_stat_statements.')
           ) AS setting (name, value, without)
     WHERE current_setting(name, true) IS NOT NULL  -- absent if its module is not loaded
  LOOP
    command := format('ALTER ROLE %I SET %s = %L', current_setting('grants.exporter'),
                      setting.name, setting.value);
    BEGIN
      EXECUTE command;
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE WARNING '%: %', command, SQLERRM
        USING HINT = format('%s To fix this, as a role with that right, run: %s;',
                            setting.without, command);
    END;
  END LOOP;
END $$;

SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), :'exporter')
\gexec

-- Liquibase's tables under any names, recognized by their columns.
CREATE TEMPORARY VIEW pg_temp.liquibase_table AS
SELECT n.nspname, c.relname
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relkind IN ('r', 'p')
 GROUP BY n.nspname, c.relname
HAVING array_agg(a.attname::text) @> '{id,author,filename,orderexecuted,exectype,md5sum}'
    OR array_agg(a.attname::text) @> '{id,locked,lockgranted,lockedby}';

SELECT DISTINCT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, :'exporter')
  FROM pg_temp.liquibase_table
\gexec

SELECT format('GRANT SELECT ON %I.%I TO %I', nspname, relname, :'exporter')
  FROM pg_temp.liquibase_table
\gexec

\if :{?migrator}
SELECT DISTINCT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT ON TABLES TO %I',
                       :'migrator', nspname, :'exporter')
  FROM pg_temp.liquibase_table
\gexec
\endif

DROP VIEW pg_temp.liquibase_table;
