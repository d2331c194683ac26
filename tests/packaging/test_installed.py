"""The installed command works where there is no checkout."""

from __future__ import annotations

import yaml

from pg_migration_exporter import __version__
from tests.fixtures.exporters import scrape
from tests.packaging.conftest import PACKAGE, ROOT, Installed, InstalledExporter

EXAMPLE = PACKAGE / "config/example.yaml"


def test_version(installed: Installed) -> None:
    assert installed.run("--version") == f"pg-migration-exporter {__version__}\n"


def test_config_example_is_the_shipped_file(installed: Installed) -> None:
    assert installed.run("config", "example") == EXAMPLE.read_text()


def test_render_writes_the_rules_of_the_repository(installed: Installed) -> None:
    installed.run("render", "alerts", "--out", installed.folder)
    rendered = {path.name: path.read_text() for path in (installed.folder / "alerts").iterdir()}
    assert rendered == {path.name: path.read_text() for path in (ROOT / "alerts").glob("*.yaml")}
    assert all(yaml.safe_load(text)["groups"] for text in rendered.values())


def test_serve_scrapes_a_server(installed_exporter: InstalledExporter) -> None:
    page = scrape(installed_exporter)
    assert page.value("postgres_up") == 1
    assert page.value("migration_exporter_build_info", version=__version__) == 1
