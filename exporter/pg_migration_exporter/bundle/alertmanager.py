"""The context of the templates of Alertmanager's configuration."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pg_migration_exporter.bundle.alert_schema import Urls
from pg_migration_exporter.bundle.alertmanager_schema import Smtp

_LOCAL = ("localhost", "127.0.0.1", "::1")
#: Name of the text with the address (notification.jinja) -> title of the link.
_LINKS = {"runbook": "Runbook", "link": "Dashboard", "silence": "Silence"}


def global_settings(smtp: Smtp) -> dict[str, Any]:
    """Return the settings of the mail server in the section `global`, without null values."""
    settings = {
        "smtp_smarthost": smtp.smarthost,
        "smtp_from": smtp.from_,
        "smtp_auth_username": smtp.username,
        "smtp_auth_password_file": smtp.password_file,
        "smtp_require_tls": smtp.require_tls,
    }
    return {name: value for name, value in settings.items() if value is not None}


def links(urls: Urls) -> dict[str, str]:
    """Return the links of a notification; a runbook that is a path would lead nowhere."""
    left_out = () if _host(urls.runbooks) else ("runbook",)
    return {name: title for name, title in _LINKS.items() if name not in left_out}


def dead_links(urls: Urls) -> list[str]:
    """Return a warning for each address that cannot be followed from a notification."""
    warnings = []
    for key in ("runbooks", "dashboard"):
        host = _host(getattr(urls, key))
        if host is None or host in _LOCAL:
            reason = "has no host" if host is None else "leads to the reader's own machine"
            warnings.append(
                f"urls.{key}: {getattr(urls, key)} {reason}, so notifications have no link to it;"
                " set an address that starts with https://"
            )
    return warnings


def _host(url: str) -> str | None:
    """Return the host of an address of the web, None for a path."""
    parts = urlsplit(url)
    return parts.hostname if parts.scheme in ("http", "https") else None
