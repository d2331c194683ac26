"""The context of the templates of Alertmanager's configuration."""

from __future__ import annotations

from typing import Any

from pg_migration_exporter.bundle.alertmanager_schema import Smtp


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
