"""The model of the `kubernetes` part of a values file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pg_migration_exporter.bundle.types import Model, PositiveDuration

#: Kubernetes, "Object Names and IDs".
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
#: Kubernetes, "Labels and Selectors".
LabelKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_./-]*[A-Za-z0-9])?$")]
LabelValue = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$")]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]
HostAndPort = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+:[0-9]+$")]
TargetName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/-]+$")]


class Service(Model):
    """The Service in front of the exporter."""

    address: HostAndPort
    labels: Annotated[dict[LabelKey, LabelValue], Field(min_length=1)]
    port: ObjectName


class Scrape(Model):
    """How Prometheus scrapes the exporter and authenticates to it."""

    interval: PositiveDuration
    timeout: PositiveDuration
    scheme: Literal["http", "https"]
    server_name: HostName | None
    ca_secret: ObjectName | None
    client_certificate_secret: ObjectName | None
    basic_auth_secret: ObjectName | None

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        of_tls = (self.server_name, self.ca_secret, self.client_certificate_secret)
        if self.scheme == "http" and any(of_tls):
            raise ValueError(
                "server_name, ca_secret and client_certificate_secret go with scheme: https"
            )
        return self


class Kubernetes(Model):
    """The objects for the Prometheus Operator."""

    namespace: ObjectName
    labels: dict[LabelKey, LabelValue]
    service: Service
    scrape: Scrape
    targets: list[TargetName]
    secret: ObjectName
