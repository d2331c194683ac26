"""`python -m pg_migration_exporter` is the command `pg-migration-exporter`."""

from pg_migration_exporter.cli import main

raise SystemExit(main())
