"""The ways of a report: the table with least rights, HTTP with a token, and what bars them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from demo.stack.database import Database
from demo.stack.liquibase import Liquibase
from demo.stack.ports import free_port
from demo.stack.programs import exporter_command
from pg_migration_exporter.liquibase import report_table
from pg_migration_exporter.liquibase.report import Outcome, Report, latest_report
from pg_migration_exporter.liquibase.report_files import ReportFiles
from pg_migration_exporter.postgres.session import Rows
from tests.fixtures.exporters import StartExporter
from tests.fixtures.wrapper import MakeWrapper, Wrapper
from tests.integration.test_cli import run as command_line
from tests.integration.test_wrapper import migrate

MakeLiquibase = Callable[..., Liquibase]
TOKEN = "0123456789abcdef"
