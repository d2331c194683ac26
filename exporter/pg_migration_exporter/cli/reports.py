"""`reports create-table`: create the table for reports of Liquibase runs."""

from __future__ import annotations

import argparse
import asyncio

import psycopg

from pg_migration_exporter.cli.options import add_settings_options, read_settings
from pg_migration_exporter.config import Settings
from pg_migration_exporter.errors import UserError
from pg_migration_exporter.liquibase.reports import table as report_table
from pg_migration_exporter.postgres.conninfo import build_conninfo, describe_server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    create = commands.add_parser(
        "create-table",
        help=f"create the table {report_table.TABLE} and grant access to it",
        description=f"Create the table {report_table.TABLE} in the database, as a role that may "
        "create a schema there, and grant what `run` and the exporter need. Can be repeated.",
    )
    add_settings_options(create)
    for option, help_text in (
        ("--migrator", "role that runs Liquibase, which writes reports"),
        ("--exporter", "role of the exporter, which reads reports"),
    ):
        create.add_argument(
            option, action="append", metavar="ROLE", required=True, help=f"{help_text}; repeatable"
        )
    create.add_argument(
        "--print", action="store_true", dest="only_print", help="print the SQL without running it"
    )
    create.set_defaults(run=create_table)


def create_table(options: argparse.Namespace) -> int:
    """Create the table, or print its SQL. Raises UserError."""
    statements = report_table.create_table_sql(options.migrator, options.exporter)
    if options.only_print:
        print(statements, end="")
        return 0
    settings = read_settings(options)
    try:
        _execute(settings, statements)
    except psycopg.Error as error:
        server = describe_server(settings.postgres)
        raise UserError(f"{server}: the table was not created: {str(error).strip()}") from error
    print(f"{report_table.TABLE} exists, and its rights are granted")
    return 0


def _execute(settings: Settings, statements: str) -> None:
    conninfo = asyncio.run(build_conninfo(settings.postgres))
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statements.encode())
