"""What the `kubernetes` part of a values file may hold."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pg_migration_exporter.bundle.types import Model, PositiveDuration

#: Kubernetes, "Object Names and IDs".
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
#: Kubernetes, "Labels and Selectors".
LabelKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_./-]*[A-Za-z0-9])?$")]
LabelValue = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$")]
HostAndPort = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+:[0-9]+$")]
TargetName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/-]+$")]


class Service(Model):
    """The Service in front of the exporter."""

    address: HostAndPort
    labels: Annotated[dict[LabelKey, LabelValue], Field(min_length=1)]
    port: ObjectName


class Scrape(Model):
    """How Prometheus scrapes."""

    interval: PositiveDuration
    timeout: PositiveDuration


class Kubernetes(Model):
    """The objects for the Prometheus Operator."""

    namespace: ObjectName
    labels: dict[LabelKey, LabelValue]
    service: Service
    scrape: Scrape
    targets: list[TargetName]
    secret: ObjectName
