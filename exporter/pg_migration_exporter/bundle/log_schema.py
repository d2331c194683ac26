"""The model of the `logs` part of a values file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pg_migration_exporter.bundle.types import JobName, Model, OneLine
from pg_migration_exporter.logs.formats import FormatName, Level
from pg_migration_exporter.logs.prefix import check_prefix

#: Written to configuration files of three syntaxes: without characters that need quoting.
Folder = Annotated[str, Field(pattern=r"^/[A-Za-z0-9_./-]+$")]
#: Fluent Bit, "Unit sizes".
Size = Annotated[str, Field(pattern=r"^[1-9][0-9]*[KMG]$")]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Count = Annotated[int, Field(strict=True, ge=0)]
#: A share of a whole, up to all of it.
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]+$")]
#: Part of an index name. OpenSearch, "Index naming restrictions".
IndexName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
#: Kubernetes, "Object Names and IDs".
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
Text = Annotated[OneLine, Field(min_length=1)]
Prefix = Annotated[str, AfterValidator(check_prefix)]


class ServerSettings(Model):
    """Settings of PostgreSQL that parsing depends on."""

    log_line_prefix: Prefix
    log_min_duration_statement: Count
    log_statement_sample_rate: Share


class Keep(Model):
    """Which entries are stored; every entry is counted."""

    levels: list[Level]
    texts: list[Text]


class Migration(Model):
    """How entries of a migration are recognized."""

    applications: list[Text]
    tables: list[Text]


class Limits(Model):
    """Sizes above which data is cut or dropped."""

    entry: Size
    storage: Size
    rejected: Size


class LogMetrics(Model):
    """Where Prometheus scrapes the metrics of the log and of Fluent Bit itself."""

    job: JobName
    listen: Host
    port: Port
    health_port: Port


class Output(Model):
    """Where entries are stored."""

    kind: Literal["opensearch", "elasticsearch", "loki", "stdout"]
    host: Host
    port: Port
    index: IndexName
    tls: bool
    ca_file: Folder | None


class ExporterOutput(Model):
    """Where errors of migrations are posted as evidence of failed runs: the exporter."""

    enabled: bool
    host: Host
    port: Port
    tls: bool
    ca_file: Folder | None
    target: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
    roles: list[Text]


class OpenSearch(Model):
    """How OpenSearch stores the documents, and for how long."""

    shards: Annotated[int, Field(strict=True, ge=1)]
    replicas: Count
    compact_after_days: Annotated[int, Field(strict=True, ge=1)]
    delete_after_days: Annotated[int, Field(strict=True, ge=2)]


class Kubernetes(Model):
    """Names in the cluster that the manifests use."""

    image: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./:@-]*$")]
    namespace: ObjectName
    secret: ObjectName
    stateful_set: ObjectName
    container: ObjectName


class Logs(Model):
    """The pipeline of PostgreSQL's log."""

    format: FormatName
    directory: Folder
    state: Folder
    postgresql: ServerSettings
    keep: Keep
    migration: Migration
    limits: Limits
    metrics: LogMetrics
    output: Output
    exporter: ExporterOutput
    opensearch: OpenSearch
    kubernetes: Kubernetes

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.exporter.enabled and "ERROR" not in self.keep.levels:
            raise ValueError("exporter needs ERROR in keep.levels: what is not stored is not sent")
        return self
