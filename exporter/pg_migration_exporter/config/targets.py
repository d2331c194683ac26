"""The settings of each target: those of the file, overridden by the target's own keys.

A reload compares them: a target with equal settings keeps running.
"""

from __future__ import annotations

from pg_migration_exporter.config.schema import DEFAULT_TARGET, Settings, TargetSection
from pg_migration_exporter.config.section import Section
from pg_migration_exporter.config.servers import servers_in_dsn

#: Keys of the process, not of a target.
_PROCESS_KEYS = ("listen", "web", "log", "targets", "custom_metrics_files", "checks_files")


def settings_by_target(settings: Settings) -> dict[str, Settings]:
    """Return the settings of each target by name; `postgres` is the target `default`."""
    defaults = Settings()
    common = settings.model_copy(update={key: getattr(defaults, key) for key in _PROCESS_KEYS})
    by_name = {target.name: _with_own(common, target) for target in settings.targets}
    if settings.postgres.dsn is not None or not by_name:
        by_name = {DEFAULT_TARGET: common, **by_name}
    if not settings.targets:
        return by_name
    return {name: _with_servers(target) for name, target in by_name.items()}


def _with_servers(target: Settings) -> Settings:
    """Return the settings with the server of the DSN, so that only its reports count.

    Several servers may have databases of the same name. Independent of the number of targets, so
    that a reload does not change the others.
    """
    dsn = target.postgres.dsn
    if target.liquibase.servers or dsn is None:
        return target
    servers = servers_in_dsn(dsn.get_secret_value())
    liquibase = target.liquibase.model_copy(update={"servers": servers})
    return target.model_copy(update={"liquibase": liquibase})


def _with_own(common: Settings, target: TargetSection) -> Settings:
    own = {}
    for key in target.model_fields_set - {"name", "labels", *_PROCESS_KEYS}:
        value = getattr(target, key)
        if isinstance(value, Section):
            own[key] = value.override(getattr(common, key))
        elif value is not None:
            own[key] = value
    return common.model_copy(update=own)
