"""The static files of the status page, under names that change with their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file; `name` is its name in the URL."""

    name: str
    type: str
    content: bytes


def _read_assets() -> dict[str, Asset]:
    assets = {}
    for file in ("status.css", "status.js", "icon.svg"):
        content = files(__package__).joinpath(file).read_bytes()
        stem, _, suffix = file.partition(".")
        name = f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}.{suffix}"
        assets[name] = Asset(name, _MEDIA_TYPES[suffix], content)
    return assets


#: By their name in the URL.
ASSETS: Mapping[str, Asset] = _read_assets()
