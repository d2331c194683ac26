"""The settings of each target: those of the file, with the target's own keys over them.

They are values: a reload compares them, and leaves alone each target whose settings are the same.
"""

from __future__ import annotations

from pg_migration_exporter.config.schema import DEFAULT_TARGET, Settings, TargetSection
from pg_migration_exporter.config.section import Section

#: What is the process's and not a target's.
_OF_THE_PROCESS = ("listen", "web", "log", "targets", "custom_metrics_files", "checks_files")


def settings_by_target(settings: Settings) -> dict[str, Settings]:
    """The settings of each target by its name; without a target of its own, `postgres:` is one."""
    nobody = Settings()
    common = settings.model_copy(update={key: getattr(nobody, key) for key in _OF_THE_PROCESS})
    found = {target.name: _with_own(common, target) for target in settings.targets}
    if settings.postgres.dsn is not None or not found:
        return {DEFAULT_TARGET: common, **found}
    return found


def _with_own(common: Settings, target: TargetSection) -> Settings:
    own = {}
    for key in target.model_fields_set - {"name", "labels", *_OF_THE_PROCESS}:
        value = getattr(target, key)
        if isinstance(value, Section):
            own[key] = value.over(getattr(common, key))
        elif value is not None:
            own[key] = value
    return common.model_copy(update=own)
