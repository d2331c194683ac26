"""The page at `/`: what this is, how the server is, where to go."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from pg_migration_exporter import __version__

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>pg-migration-exporter</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto;
       padding: 0 1rem; }}
dt {{ font-weight: 600; }}
</style>
</head>
<body>
<h1>pg-migration-exporter</h1>
<p>Prometheus exporter for PostgreSQL that understands Liquibase schema migrations.</p>
<dl>
<dt>Version</dt><dd>{version}</dd>
<dt>PostgreSQL server</dt><dd>{server}</dd>
</dl>
<ul>
<li><a href="metrics">/metrics</a>: for Prometheus</li>
<li><a href="healthz">/healthz</a>: the process is alive</li>
<li><a href="readyz">/readyz</a>: it answers scrapes; says whether the server was reached</li>
</ul>
</body>
</html>
"""


def index_page(facts: Mapping[str, str]) -> str:
    """The page; `facts` holds `server`, what the last scrape found."""
    return _PAGE.format(version=escape(__version__), server=escape(facts["server"]))
