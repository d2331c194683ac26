"""The page at `/`: what this is, how the server is, where to go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

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
th, td {{ text-align: left; padding-right: 1rem; }}
</style>
</head>
<body>
<h1>pg-migration-exporter</h1>
<p>Prometheus exporter for PostgreSQL that understands Liquibase schema migrations.</p>
<dl>
<dt>Version</dt><dd>{version}</dd>
</dl>
<table>
<tr><th>Target</th><th>Address</th><th>PostgreSQL server</th><th>Databases</th></tr>
{rows}
</table>
<ul>
<li><a href="metrics">/metrics</a>: for Prometheus</li>
<li><a href="sd">/sd</a>: the targets for Prometheus's http_sd</li>
<li><a href="api/v1/status">/api/v1/status</a>: the targets as JSON</li>
<li><a href="healthz">/healthz</a>: the process is alive</li>
<li><a href="readyz">/readyz</a>: it answers scrapes; says whether the server was reached</li>
</ul>
</body>
</html>
"""


_ROW = (
    '<tr><td><a href="{link}">{name}</a></td><td>{address}</td><td>{server}</td>'
    "<td>{databases}</td></tr>"
)


def index_page(targets: Sequence[Mapping[str, Any]]) -> str:
    """The page; `targets` as web.status.describe_targets gives them."""
    rows = "\n".join(map(_row, targets))
    return _PAGE.format(version=escape(__version__), rows=rows)


def _row(target: Mapping[str, Any]) -> str:
    texts = {key: escape(str(target[key])) for key in ("name", "address", "server")}
    up = sum(target["databases"].values())
    return _ROW.format(
        link=f"probe?target={quote(target['name'], safe='')}",
        databases=f"{up} of {len(target['databases'])} answer" if target["databases"] else "",
        **texts,
    )
