"""How this program logs in to an exporter whose `web.basic_auth_users` ask for it."""

from __future__ import annotations

import base64
import os
from urllib.request import Request

VARIABLE = "PG_MIGRATION_EXPORTER_LOGIN"


def request(url: str, **headers: str) -> Request:
    """A request to an http or https URL, with the login of the environment if there is one.

    A redirect is followed without it.
    """
    asked = Request(url, headers=headers)  # noqa: S310 - callers have checked the scheme
    if login := os.environ.get(VARIABLE):
        encoded = base64.b64encode(login.encode()).decode()
        asked.add_unredirected_header("Authorization", f"Basic {encoded}")
    return asked
