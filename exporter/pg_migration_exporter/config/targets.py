"""The settings of each target: those of the file, with the target's own keys over them.

They are values: a reload compares them, and leaves alone each target whose settings are the same.
"""

from __future__ import annotations

from pg_migration_exporter.config.schema import DEFAULT_TARGET, Settings, TargetSection
from pg_migration_exporter.config.section import Section
from pg_migration_exporter.config.servers import servers_of

#: What is the process's and not a target's.
_OF_THE_PROCESS = ("listen", "web", "log", "targets", "custom_metrics_files", "checks_files")


def settings_by_target(settings: Settings) -> dict[str, Settings]:
    """The settings of each target by its name; without a target of its own, `postgres:` is one."""
    nobody = Settings()
    common = settings.model_copy(update={key: getattr(nobody, key) for key in _OF_THE_PROCESS})
    found = {target.name: _with_own(common, target) for target in settings.targets}
    if settings.postgres.dsn is not None or not found:
        found = {DEFAULT_TARGET: common, **found}
    if not settings.targets:
        return found
    return {name: _with_servers(one) for name, one in found.items()}


def _with_servers(target: Settings) -> Settings:
    """Databases of several servers may have one name: a report must not be taken for each.

    How many others there are now decides nothing: a reload leaves alone who stays.
    """
    dsn = target.postgres.dsn
    if target.liquibase.servers or dsn is None:
        return target
    servers = servers_of(dsn.get_secret_value())
    liquibase = target.liquibase.model_copy(update={"servers": servers})
    return target.model_copy(update={"liquibase": liquibase})


def _with_own(common: Settings, target: TargetSection) -> Settings:
    own = {}
    for key in target.model_fields_set - {"name", "labels", *_OF_THE_PROCESS}:
        value = getattr(target, key)
        if isinstance(value, Section):
            own[key] = value.over(getattr(common, key))
        elif value is not None:
            own[key] = value
    return common.model_copy(update=own)
