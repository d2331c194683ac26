"""The YAML file of a dashboard: a panel is one entry; mistakes are refused with their place."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from pg_migration_exporter.bundle.grafana.dashboards import dashboards, uids
from pg_migration_exporter.bundle.grafana.definition import Dashboard, read_dashboard
from pg_migration_exporter.bundle.grafana.links import PanelUrls
from pg_migration_exporter.bundle.values import load_values
from pg_migration_exporter.errors import ConfigError
from tests.bundle.conftest import WriteValues

_CONTEXT = load_values().model_dump(by_alias=True) | {"database": 'datname=~"$datname"'}
_PANEL = """\
    title: Active players
    type: timeseries
    size: 12x7
    description: Players that are online.
    no_data: the game is down
    queries: {players: 'active_players{<< database >>}'}
"""


def _write(folder: Path, panel: str) -> Path:
    file = folder / "game.yaml"
    entry = indent(dedent(panel), "      ").replace("      ", "    - ", 1)
    head = "title: Game\ndescription: The game.\nrows:\n- title: Players\n  panels:\n"
    file.write_text(head + entry, encoding="utf-8")
    return file


def _read(file: Path) -> Dashboard:
    return read_dashboard(file, _CONTEXT)


def test_panel_is_one_entry(tmp_path: Path) -> None:
    dashboard = _read(_write(tmp_path, _PANEL))
    [panel] = dashboard.rows[0].panels
    assert dashboard.uid == "game"
    assert panel.queries == {"players": 'active_players{datname=~"$datname"}'}
    assert (panel.size.width, panel.size.height) == (12, 7)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("colours: {players: red}", "colours: unknown key; did you mean colors?"),
        ("text_mode: name", "text_mode: unknown key"),
        ("columns: {datname: database}", "columns: unknown key"),
        ("stack: sometimes", "stack: input should be a valid boolean"),
        ("range: [0]", "range.1: field required"),
        ("mappings: {up: [up, green]}", "mappings.up: input should be a valid integer"),
        ("thresholds: {green: few}", "thresholds.green: input should be a valid number"),
        ("thresholds: {green: << alerts.Nope.threshold >>}", "thresholds: 'dict object' has no"),
        ("unit: << unit", "unit: unexpected end of template"),
    ],
)
def test_mistake_is_refused_with_file_panel_and_key(
    line: str, problem: str, tmp_path: Path
) -> None:
    file = _write(tmp_path, f"{_PANEL}    {line}\n")
    with pytest.raises(ConfigError) as refused:
        _read(file)
    assert str(refused.value).startswith(f'{file}: panel "Active players": {problem}')


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("type: timeseries", "type: gauge", "type: must be one of stat, timeseries, "),
        ("type: timeseries", "type: table", "columns: field required"),
        ("size: 12x7", "size: 25x7", "size: write WIDTHxHEIGHT, such as 12x7"),
        ("size: 12x7", "size: wide", "size: write WIDTHxHEIGHT, such as 12x7"),
        ("no_data: the game is down", "", "no_data: field required"),
    ],
)
def test_panel_needs_the_keys_of_its_type(
    before: str, after: str, problem: str, tmp_path: Path
) -> None:
    file = _write(tmp_path, _PANEL.replace(before, after))
    with pytest.raises(ConfigError) as refused:
        _read(file)
    assert str(refused.value).startswith(f'{file}: panel "Active players": {problem}')


def test_panel_without_a_title_is_refused(tmp_path: Path) -> None:
    file = _write(tmp_path, _PANEL.replace("title: Active players", "unit: short"))
    with pytest.raises(ConfigError, match=r'panel "\(no title\)": title: field required'):
        _read(file)


def test_unknown_key_of_the_dashboard_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "game.yaml"
    file.write_text("title: Game\ndescription: The game.\nrows: []\nabout: players\n")
    with pytest.raises(ConfigError, match=r"game\.yaml:4: about: unknown key"):
        _read(file)


# --- folders of dashboards ----------------------------------------------------------------------


def test_folder_is_relative_to_the_values_file(tmp_path: Path, write_values: WriteValues) -> None:
    (tmp_path / "boards").mkdir()
    _write(tmp_path / "boards", _PANEL)
    values = load_values(write_values({"dashboard_folders": ["boards"]}))
    assert uids(values) == ["game", *uids(load_values())]
    assert dashboards(values)["game"]["description"].endswith("/boards/game.yaml.")


def test_folder_that_does_not_exist_is_refused(tmp_path: Path, write_values: WriteValues) -> None:
    path = write_values({"dashboard_folders": ["boards"]})
    with pytest.raises(ConfigError, match=r":2: dashboard_folders\.0: .*/boards is not a folder"):
        load_values(path)


def test_list_of_folders_is_validated(write_values: WriteValues) -> None:
    with pytest.raises(ConfigError, match=r"dashboard_folders: input should be a valid tuple"):
        load_values(write_values({"dashboard_folders": "boards"}))
    with pytest.raises(ConfigError, match=r"dashboard_folders\.0: input is not a valid path"):
        load_values(write_values({"dashboard_folders": [1]}))


def test_folder_without_dashboards_is_refused(tmp_path: Path, write_values: WriteValues) -> None:
    (tmp_path / "boards").mkdir()
    values = load_values(write_values({"dashboard_folders": ["boards"]}))
    with pytest.raises(ConfigError, match=r"boards: has no dashboards \(\*\.yaml\)"):
        dashboards(values)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("pg-migration-fleet.yaml", "the uid is taken by .*/bundle/dashboards/pg-migration-fleet"),
        ("game board.yaml", "name the file with 1 to 40 letters, digits, - and _"),
        (f"{'x' * 41}.yaml", "name the file with 1 to 40 letters, digits, - and _"),
    ],
)
def test_name_of_the_file_must_be_a_new_uid(
    name: str, problem: str, tmp_path: Path, write_values: WriteValues
) -> None:
    (tmp_path / "boards").mkdir()
    _write(tmp_path / "boards", _PANEL).rename(tmp_path / "boards" / name)
    values = load_values(write_values({"dashboard_folders": ["boards"]}))
    with pytest.raises(ConfigError, match=f"{name}: {problem}"):
        dashboards(values)


def test_cells_link_to_the_runbooks_of_the_group(tmp_path: Path) -> None:
    panel = """\
    title: Alerts
    type: table
    size: 12x7
    description: Alerts.
    no_data: none
    columns: {alertname: alert}
    runbook_column: alert
    queries: {'': ALERTS}
    """
    [row] = _read(_write(tmp_path, panel)).rows
    [table] = row.panels
    content = table.to_json(
        PanelUrls("https://wiki", "", "", {"Own": "https://own", "Other": "https://own"})
    )
    assert content["targets"][0]["expr"] == (
        'label_replace(label_replace(ALERTS, "runbooks", "https://wiki", "", ""), '
        '"runbooks", "https://own", "alertname", "Own|Other")'
    )
    [hidden, linked] = content["fieldConfig"]["overrides"]
    assert hidden["matcher"]["options"] == "runbooks"
    assert linked["properties"][0]["value"][0]["url"] == (
        "${__data.fields.runbooks}/${__value.raw}.md"
    )
    same = table.to_json(PanelUrls("https://wiki", "", "", {}))
    assert same["targets"][0]["expr"] == "ALERTS"
