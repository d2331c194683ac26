"""The ways of a report: the table with least rights, HTTP with a token, and what bars them."""

from __future__ import annotations

from collections.abc import Callable

from demo.stack.liquibase import Liquibase

MakeLiquibase = Callable[..., Liquibase]
TOKEN = "0123456789abcdef"
