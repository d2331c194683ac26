"""The model of the `alertmanager` part of a values file."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pg_migration_exporter.bundle.types import AlertName, Model, OneLine, PositiveDuration

Severity = Literal["critical", "high", "warning", "info"]
#: Prometheus, "Data model".
Label = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
#: Becomes part of a matcher and, in Kubernetes, of a name.
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
#: Its last part is the key in Kubernetes' Secret.
SecretFile = Annotated[str, Field(pattern=r"^/[A-Za-z0-9_./-]*[A-Za-z0-9_-]$")]
Address = Annotated[OneLine, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
HttpUrl = Annotated[OneLine, Field(pattern=r"^https?://[^\s@]+$")]
Smarthost = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\[\]-]+:[0-9]+$")]
Labels = Annotated[list[Label], Field(min_length=1)]


class Route(Model):
    """The receiver of the alerts of a severity, and the times of its notifications."""

    receiver: Name
    group_wait: PositiveDuration
    group_interval: PositiveDuration
    repeat_interval: PositiveDuration


class Routes(Model):
    """A route for each severity."""

    critical: Route
    high: Route
    warning: Route
    info: Route


class Watchdog(Model):
    """The receiver of the alert that always fires."""

    receiver: Name
    interval: PositiveDuration


def _reached(start: str, steps: Mapping[str, AbstractSet[str]]) -> set[str]:
    """Return what can be reached from `start` by one step or several."""
    reached: set[str] = set()
    ahead = [start]
    while ahead:
        new = steps.get(ahead.pop(), set()) - reached
        reached |= new
        ahead += new
    return reached


class Inhibit(Model):
    """Which alerts silence which others."""

    down: Annotated[list[AlertName], Field(min_length=1)]
    never: Annotated[list[AlertName], Field(min_length=1)]
    causes: dict[AlertName, Annotated[list[AlertName], Field(min_length=1)]]
    stronger: dict[AlertName, Annotated[list[AlertName], Field(min_length=1)]]
    server: Labels
    identity: Labels

    @model_validator(mode="after")
    def _no_two_silence_each_other(self) -> Self:
        """Refuse a circle: Alertmanager would notify of none of its alerts."""
        silenced = {
            alert: {*self.causes.get(alert, ()), *self.stronger.get(alert, ())}
            for alert in self.causes.keys() | self.stronger.keys()
        }
        for alert in sorted(silenced):
            if alert in _reached(alert, silenced):
                raise ValueError(
                    f"causes and stronger let {alert} silence itself; break the circle"
                )
        return self


class Smtp(Model):
    """The mail server of every receiver with an e-mail address."""

    smarthost: Smarthost
    from_: Address = Field(alias="from")
    username: OneLine | None
    password_file: SecretFile | None
    require_tls: bool


class Slack(Model):
    """A Slack channel."""

    channel: Annotated[OneLine, Field(min_length=1)]
    api_url_file: SecretFile


class PagerDuty(Model):
    """A PagerDuty service."""

    routing_key_file: SecretFile


class Opsgenie(Model):
    """An integration of Opsgenie or Jira Service Management; `api_url` is the region's."""

    api_key_file: SecretFile
    api_url: HttpUrl = "https://api.opsgenie.com/"


class Teams(Model):
    """A workflow of Microsoft Teams that posts to a channel (Alertmanager 0.28 or newer)."""

    webhook_url_file: SecretFile


class Email(Model):
    """An e-mail address."""

    to: Address


class Webhook(Model):
    """An HTTP address that takes Alertmanager's JSON."""

    url: HttpUrl
    credentials_file: SecretFile | None = None


class Receiver(Model):
    """The ways in which a receiver is notified; each may be omitted."""

    pagerduty: PagerDuty | None = None
    opsgenie: Opsgenie | None = None
    slack: Slack | None = None
    teams: Teams | None = None
    email: Email | None = None
    webhook: Webhook | None = None


class Alertmanager(Model):
    """The configuration of Alertmanager."""

    group_by: Labels
    routes: Routes
    teams: dict[Name, dict[Severity, Name]]
    watchdog: Watchdog
    events: Annotated[list[AlertName], Field(min_length=1)]
    inhibit: Inhibit
    smtp: Smtp
    receivers: dict[Name, Receiver]

    @model_validator(mode="after")
    def _receivers_exist(self) -> Self:
        """Refuse an undefined receiver: Alertmanager would not start."""
        routes = [getattr(self.routes, severity) for severity in Routes.model_fields]
        named = {self.watchdog.receiver, *(route.receiver for route in routes)}
        named |= {receiver for team in self.teams.values() for receiver in team.values()}
        if unknown := sorted(named - self.receivers.keys()):
            raise ValueError(f"no receiver is called {', '.join(unknown)}; add it to receivers")
        return self
