-- Creates the least-privileged role of pg-migration-exporter. Run this file as an administrator in
-- every watched database. Run it again at any time, for example after Liquibase created its tables:
--
--   psql -X -d DATABASE -v exporter=migration_exporter -v migrator=ROLE -f grants.sql
--
-- -v migrator=ROLE names the role that owns Liquibase's tables and their schema, unless that is a
-- superuser or the owner of the database: the exporter reads only tables of roles that it can trust.
-- The file makes this role a member of the role EXPORTER_trusted, which has no rights and marks who
-- is trusted. The exporter may also read tables that the role creates later in the schemas of
-- Liquibase's tables, so that the grants survive a `drop-all`. This includes other tables of these
-- schemas: if the exporter must not read them, revoke the default privileges, and run this file
-- again after each `drop-all`. For several roles, run the file once for each.
--
-- -v connections=N raises the role's limit of 4 connections: two for each watched database, and two
-- spare ones.
--
-- Set a password afterwards with \password, or use a certificate or peer authentication.

\set ON_ERROR_STOP on

-- First of all: this file runs with an administrator's rights in a database where others can create
-- functions, operators and casts. Every name below is qualified too.
SET search_path = pg_catalog, pg_temp;

\if :{?exporter} \else \set exporter migration_exporter \endif
\set trusted :exporter _trusted
\if :{?migrator} \else \set migrator '' \endif

-- The blocks below cannot read psql variables, only settings of the session.
SELECT pg_catalog.set_config('grants.exporter', :'exporter', false) AS exporter,
       pg_catalog.set_config('grants.trusted', :'trusted', false) AS trusted,
       :'migrator' OPERATOR(pg_catalog.<>) '' AS has_migrator
\gset grants_

DO $$
BEGIN
  IF pg_catalog.octet_length(pg_catalog.current_setting('grants.trusted'))
     OPERATOR(pg_catalog.>) 63 THEN
    RAISE EXCEPTION 'the name of the exporter''s role may have at most 55 bytes';
  END IF;
END $$;

SELECT pg_catalog.format('CREATE ROLE %I LOGIN CONNECTION LIMIT 4', :'exporter')
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles
                    WHERE rolname OPERATOR(pg_catalog.=) :'exporter')
\gexec

\if :{?connections}
ALTER ROLE :"exporter" CONNECTION LIMIT :connections;
\endif

-- Statistics of all sessions and statements, but no user tables.
GRANT pg_monitor TO :"exporter";

-- Recommended settings of the role. Managed services may refuse some of them: then the file prints
-- a warning with the consequence, and continues.
DO $$
DECLARE
  command pg_catalog.text;
  setting pg_catalog.record;
BEGIN
  FOR setting IN
    SELECT *
      FROM (VALUES
             ('default_transaction_read_only', 'on',
              'Only the exporter''s own settings prevent writes.'),
             ('event_triggers', 'off',
              'Event triggers for logins run in the exporter''s sessions.'),
             ('pg_stat_statements.track', 'none',
              'The exporter''s own statements are counted in pg_stat_statements.')
           ) AS setting (name, value, without)
           -- absent if the version or a module that is not loaded lacks it
     WHERE pg_catalog.current_setting(name, true) IS NOT NULL
  LOOP
    command := pg_catalog.format('ALTER ROLE %I SET %s = %L',
                                 pg_catalog.current_setting('grants.exporter'),
                                 setting.name, setting.value);
    BEGIN
      EXECUTE command;
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE WARNING '%: %', command, SQLERRM
        USING HINT = pg_catalog.format('%s To fix this, as a role with that right, run: %s;',
                                       setting.without, command);
    END;
  END LOOP;
END $$;

SELECT pg_catalog.format('GRANT CONNECT ON DATABASE %I TO %I',
                         pg_catalog.current_database(), :'exporter')
\gexec

\if :grants_has_migrator
SELECT pg_catalog.format('CREATE ROLE %I NOLOGIN', :'trusted')
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles
                    WHERE rolname OPERATOR(pg_catalog.=) :'trusted')
\gexec
GRANT :"trusted" TO :"migrator";
\endif

-- Tables with the columns and types of Liquibase's, under any names. A lock table has no other
-- column. Types: text, character, character varying; smallint, integer, bigint; boolean; timestamp
-- without and with time zone.
CREATE TEMPORARY VIEW candidate AS
WITH trusted AS (
    SELECT r.oid
      FROM pg_catalog.pg_roles r
     WHERE r.rolsuper
        OR r.rolname OPERATOR(pg_catalog.=) 'pg_database_owner'
        OR r.oid OPERATOR(pg_catalog.=) (
               SELECT d.datdba FROM pg_catalog.pg_database d
                WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
        OR EXISTS (
               SELECT FROM pg_catalog.pg_roles t
                WHERE t.rolname OPERATOR(pg_catalog.=) :'trusted'
                  AND pg_catalog.pg_has_role(r.oid, t.oid, 'member'))
), shape AS (
    SELECT a.attrelid,
           pg_catalog.count(*) AS columns,
           pg_catalog.count(*) FILTER (
               WHERE a.attname OPERATOR(pg_catalog.=) ANY (
                         '{id,author,filename,exectype,md5sum,tag,deployment_id}'
                         ::pg_catalog.name[])
                     AND a.atttypid OPERATOR(pg_catalog.=) ANY (
                         '{25,1042,1043}'::pg_catalog.oid[])
                  OR a.attname OPERATOR(pg_catalog.=) 'orderexecuted'
                     AND a.atttypid OPERATOR(pg_catalog.=) ANY ('{20,21,23}'::pg_catalog.oid[])
                  OR a.attname OPERATOR(pg_catalog.=) 'dateexecuted'
                     AND a.atttypid OPERATOR(pg_catalog.=) ANY ('{1114,1184}'::pg_catalog.oid[])
           ) AS of_history,
           pg_catalog.count(*) FILTER (
               WHERE a.attname OPERATOR(pg_catalog.=) 'id'
                     AND a.atttypid OPERATOR(pg_catalog.=) ANY ('{20,21,23}'::pg_catalog.oid[])
                  OR a.attname OPERATOR(pg_catalog.=) 'locked'
                     AND a.atttypid OPERATOR(pg_catalog.=) 16::pg_catalog.oid
                  OR a.attname OPERATOR(pg_catalog.=) 'lockgranted'
                     AND a.atttypid OPERATOR(pg_catalog.=) ANY ('{1114,1184}'::pg_catalog.oid[])
                  OR a.attname OPERATOR(pg_catalog.=) 'lockedby'
                     AND a.atttypid OPERATOR(pg_catalog.=) ANY ('{25,1042,1043}'::pg_catalog.oid[])
           ) AS of_lock
      FROM pg_catalog.pg_attribute a
     WHERE a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2
       AND NOT a.attisdropped
       AND a.attgenerated OPERATOR(pg_catalog.=) ''::pg_catalog."char"
     GROUP BY a.attrelid
)
SELECT n.nspname, c.relname,
       shape.of_lock OPERATOR(pg_catalog.=) 4 AS is_lock,
       c.relowner OPERATOR(pg_catalog.=) ANY (SELECT oid FROM trusted) AS is_trusted,
       n.nspowner OPERATOR(pg_catalog.=) ANY (SELECT oid FROM trusted) AS is_schema_trusted,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner,
       pg_catalog.pg_get_userbyid(n.nspowner) AS schema_owner
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  JOIN shape ON shape.attrelid OPERATOR(pg_catalog.=) c.oid
 WHERE c.relkind OPERATOR(pg_catalog.=) 'r'::pg_catalog."char"
   AND c.relpersistence OPERATOR(pg_catalog.<>) 't'::pg_catalog."char"
   AND NOT c.relispartition
   AND NOT c.relrowsecurity
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i
                    WHERE i.inhrelid OPERATOR(pg_catalog.=) c.oid
                       OR i.inhparent OPERATOR(pg_catalog.=) c.oid)
   AND (shape.of_history OPERATOR(pg_catalog.=) 9
        OR shape.of_lock OPERATOR(pg_catalog.=) 4 AND shape.columns OPERATOR(pg_catalog.=) 4);

-- Those of trusted roles, where the schema has a history and a lock.
CREATE TEMPORARY VIEW liquibase_table AS
SELECT c.nspname, c.relname
  FROM pg_temp.candidate c
 WHERE c.is_trusted AND c.is_schema_trusted
   AND EXISTS (SELECT FROM pg_temp.candidate sibling
                WHERE sibling.nspname OPERATOR(pg_catalog.=) c.nspname
                  AND sibling.is_lock OPERATOR(pg_catalog.<>) c.is_lock
                  AND sibling.is_trusted);

SELECT DISTINCT pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %I', nspname, :'exporter')
  FROM pg_temp.liquibase_table
\gexec

SELECT pg_catalog.format('GRANT SELECT ON TABLE %I.%I TO %I', nspname, relname, :'exporter')
  FROM pg_temp.liquibase_table
\gexec

\if :grants_has_migrator
SELECT DISTINCT pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I'
                                  ' GRANT SELECT ON TABLES TO %I',
                                  :'migrator', nspname, :'exporter')
  FROM pg_temp.liquibase_table
\gexec
\endif

-- Histories that are left out, because somebody else could have made them.
DO $$
DECLARE
  history pg_catalog.record;
BEGIN
  FOR history IN
    SELECT c.nspname, c.relname, c.is_trusted,
           CASE WHEN c.is_trusted THEN c.schema_owner ELSE c.owner END AS role
      FROM pg_temp.candidate c
     WHERE NOT c.is_lock AND NOT (c.is_trusted AND c.is_schema_trusted)
  LOOP
    RAISE WARNING 'table %.% is not granted: % belongs to %, which is not trusted',
      history.nspname, history.relname,
      CASE WHEN history.is_trusted THEN 'its schema' ELSE 'it' END, history.role
      USING HINT = pg_catalog.format('If this role runs Liquibase, run this file again with'
                                     ' -v migrator=%s', history.role);
  END LOOP;
END $$;

DROP VIEW pg_temp.liquibase_table, pg_temp.candidate;
RESET search_path;
