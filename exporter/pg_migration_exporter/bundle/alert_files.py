"""Folders of alerts: a folder for each group, in it a file for each alert.

`<group>/group.yaml` holds what the alerts of a group share and its recording rules. Each
`<group>/<AlertName>.yaml` is one alert: its rule, its default values and the first line of its
runbook. `<name>.test.yaml` next to them are the unit tests (rule_tests).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import Field

from pg_migration_exporter.bundle.alert_schema import Alert
from pg_migration_exporter.bundle.alert_value import AlertValue
from pg_migration_exporter.bundle.types import (
    AlertName,
    Duration,
    LabelName,
    Model,
    OneLine,
    Url,
    ValueName,
)
from pg_migration_exporter.config.yaml_file import Location, read_yaml, validate
from pg_migration_exporter.errors import ConfigError

#: The alerts of the bundle itself.
CORE = Path(__file__).parent / "alerts"
GROUP_FILE = "group.yaml"
TEST_SUFFIX = ".test.yaml"


class RecordingRule(Model):
    """A recording rule; with `each` one rule for each of the values, called `each` in the texts.

    A text instead of a list names one of the values file: `verdict.hold`.
    """

    record: OneLine
    expr: str
    labels: dict[LabelName, str] = Field(default={})
    each: list[str] | OneLine | None = None


class GroupFile(Model):
    """What the alerts of a group share, and its recording rules, which come before the alerts."""

    #: Follows the name of the group in the documented values.
    about: OneLine | None = None
    labels: dict[LabelName, OneLine] = Field(default={})
    #: Order of the alerts; those that are not listed follow by name.
    order: list[AlertName] = Field(default=[])
    #: Folder or URL of the runbooks, if it is not `urls.runbooks`.
    runbooks: Url | None = None
    #: Metrics that other programs publish, and that the exporter's page need not have.
    published_elsewhere: list[OneLine] = Field(default=[])
    records: list[RecordingRule] = Field(default=[])


class AlertFile(Alert):
    """An alert: its rule, its defaults, and its values. Each text is a template (alert_rules)."""

    for_: Duration = Field(alias="for")
    expr: str
    summary: OneLine
    description: str
    #: What to do first: the end of the description, and the first line of the runbook.
    first: str | None = None
    values: dict[ValueName, AlertValue] = Field(default={})

    def defaults(self) -> dict[str, object]:
        """Return the entry of the alert in the default values."""
        own = {name: value.default for name, value in self.values.items()}
        keys = Alert.model_fields.keys() & self.model_fields_set
        return own | self.model_dump(by_alias=True, include=set(keys))


@dataclass(frozen=True, slots=True)
class AlertGroup:
    """A group of rules, and its alerts by name, in order."""

    folder: Path
    file: GroupFile
    alerts: dict[str, AlertFile]

    @property
    def name(self) -> str:
        """The name of the folder, of the group and of its file of rules."""
        return self.folder.name

    @property
    def source(self) -> str:
        """The folder as generated files name it, for example `bundle/alerts/NAME/`."""
        return "/".join((*self.folder.parts[-3:], ""))


@cache
def alert_groups(folders: tuple[Path, ...] = ()) -> tuple[AlertGroup, ...]:
    """Return the groups of the bundle and of these folders, by name. Raises ConfigError."""
    paths = (path for folder in (CORE, *folders) for path in _group_folders(folder))
    groups = [_read_group(path) for path in paths]
    _refuse_duplicates(groups)
    return tuple(sorted(groups, key=lambda group: group.name))


def alerts_by_name(folders: tuple[Path, ...] = ()) -> dict[str, AlertFile]:
    """Return the alerts of all groups. Raises ConfigError."""
    return {name: alert for group in alert_groups(folders) for name, alert in group.alerts.items()}


def _group_folders(folder: Path) -> Iterator[Path]:
    found = sorted(folder.glob(f"*/{GROUP_FILE}"))
    if not found:
        raise ConfigError(f"alert_folders: {folder} has no groups, as in <group>/{GROUP_FILE}")
    return (path.parent for path in found)


def _read_group(folder: Path) -> AlertGroup:
    file = folder / GROUP_FILE
    group = validate(GroupFile, read_yaml(file), file)
    names = [
        path.stem
        for path in folder.glob("*.yaml")
        if path.name != GROUP_FILE and not path.name.endswith(TEST_SUFFIX)
    ]
    for index, name in enumerate(group.order):
        if name not in names:
            raise ConfigError(f"{Location(file, ('order', index))}: there is no {name}.yaml")
    listed = [*group.order, *sorted(set(names) - set(group.order))]
    return AlertGroup(folder, group, {name: _read_alert(folder, name) for name in listed})


def _read_alert(folder: Path, name: str) -> AlertFile:
    path = folder / f"{name}.yaml"
    return validate(AlertFile, read_yaml(path), path)


def _refuse_duplicates(groups: list[AlertGroup]) -> None:
    seen: dict[str, str] = {}
    for group in groups:
        for name in (group.name, *group.alerts):
            if name in seen:
                raise ConfigError(f"alert_folders: {name} is in {seen[name]} and in {group.name}")
            seen[name] = group.name
