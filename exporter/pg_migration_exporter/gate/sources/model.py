"""The schema of checks that ask Prometheus, a web service or a program.

They are in `checks` of the profile, and not of the configuration: `serve` never runs them.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pg_migration_exporter.config.checks import Phase, Severity
from pg_migration_exporter.config.section import Section
from pg_migration_exporter.config.value_types import Seconds, Url

Source = Literal["promql", "http", "command"]


class PromqlSection(Section):
    """An instant query; every series of its answer must be within the bounds."""

    query: str = Field(min_length=1)
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("set at_least, at_most or both")
        return self


class HttpSection(Section):
    """A GET request: its status, and if `json` is set, the value at that path (`a.b.0`)."""

    url: Url
    status: Annotated[int, Field(ge=100, le=599)] = 200
    json_path: str | None = Field(default=None, alias="json")
    equals: str | int | float | bool | None = None
    within: Seconds | None = None


class OutsideCheck(Section):
    """One check with one source; `help` is what is true when it passes."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    help: str = Field(min_length=1)
    phase: Phase
    severity: Severity
    remedy: str = "Fix the cause, not the check."
    timeout: Seconds = 10.0
    promql: PromqlSection | None = None
    http: HttpSection | None = None
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sum(part is not None for part in (self.promql, self.http, self.command)) != 1:
            raise ValueError("set one of promql, http and command")
        return self

    @property
    def source(self) -> Source:
        """The name of its source."""
        if self.promql is not None:
            return "promql"
        return "http" if self.http is not None else "command"
