"""The status page: its renderer, its templates and its static files."""

from pg_migration_exporter.web.pages.assets import ASSETS
from pg_migration_exporter.web.pages.renderer import MAX_ROWS, SECTIONS, Page, PageRenderer

__all__ = ["ASSETS", "MAX_ROWS", "SECTIONS", "Page", "PageRenderer"]
