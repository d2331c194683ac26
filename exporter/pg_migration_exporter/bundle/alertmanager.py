"""What the templates of Alertmanager's configuration are rendered with."""

from __future__ import annotations

from typing import Any

from pg_migration_exporter.bundle.alertmanager_schema import Smtp


def global_settings(smtp: Smtp) -> dict[str, Any]:
    """Return the mail server as the section `global` names its settings, those given alone."""
    settings = {
        "smtp_smarthost": smtp.smarthost,
        "smtp_from": smtp.from_,
        "smtp_auth_username": smtp.username,
        "smtp_auth_password_file": smtp.password_file,
        "smtp_require_tls": smtp.require_tls,
    }
    return {name: value for name, value in settings.items() if value is not None}
