"""What is published holds the package's files, all of them and no others."""

from __future__ import annotations

import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path, PurePosixPath

import pytest

from pg_migration_exporter import __version__
from tests.packaging.conftest import PACKAGE, Distributions

DIST_INFO = f"pg_migration_exporter-{__version__}.dist-info"
SDIST_ROOT = f"pg_migration_exporter-{__version__}"


def package_files() -> set[str]:
    """Paths of the package's files below its source root."""
    return {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def wheel_files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def sdist_files(sdist: Path) -> set[PurePosixPath]:
    """Paths below the folder that every file of an sdist is in."""
    with tarfile.open(sdist) as archive:
        return {PurePosixPath(name).relative_to(SDIST_ROOT) for name in archive.getnames()}


@pytest.mark.parametrize(
    "name",
    ["__main__.py", "py.typed", "config/example.yaml", "bundle/values.yaml"],
)
def test_package_has(name: str) -> None:
    """So that the comparisons below cannot agree on an empty package."""
    assert f"pg_migration_exporter/{name}" in package_files()


def test_wheel_holds_the_package_and_its_metadata(distributions: Distributions) -> None:
    metadata = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    expected = package_files() | {f"{DIST_INFO}/{name}" for name in metadata}
    assert wheel_files(distributions.wheel) == expected


def test_sdist_holds_the_package_and_what_users_read(distributions: Distributions) -> None:
    files = sdist_files(distributions.sdist)
    source_root = PurePosixPath("exporter")
    package = {str(path.relative_to(source_root)) for path in files if source_root in path.parents}
    assert package == package_files()
    assert {path.parts[0] for path in files} == {
        *("exporter", "alerts", "dashboards", "docs", "examples", "sql"),
        *("README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"),
        *(".gitignore", "PKG-INFO"),  # hatchling adds them
    }


def test_metadata_says_what_it_is(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as archive:
        metadata = message_from_bytes(archive.read(f"{DIST_INFO}/METADATA"))
    assert metadata["Name"] == "pg-migration-exporter"
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata["Requires-Python"] == ">=3.11"
