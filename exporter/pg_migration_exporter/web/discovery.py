"""What Prometheus finds at /sd: the exporter's own page, and a probe for each target.

Prometheus, "HTTP SD": a list of targets with labels; those that begin with __ direct the scrape.
"""

from __future__ import annotations

import re
from typing import Any

from pg_migration_exporter.config import Settings

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")


def discover(settings: Settings, host: str) -> list[dict[str, Any]]:
    """The entries; `host` is how Prometheus reached this page (the Host header).

    The address of the configuration takes its place where it is no host and port. `instance` is
    the name of the target, so that alerts name servers and not the exporter.
    """
    address = host if _HOST.fullmatch(host) else settings.listen
    scheme = {"__scheme__": "https"} if settings.web.tls_server_config.cert_file else {}
    return [
        {"targets": [address], "labels": {"__metrics_path__": "/metrics"} | scheme},
        *(
            {
                "targets": [address],
                "labels": target.labels
                | scheme
                | {
                    "__metrics_path__": "/probe",
                    "__param_target": target.name,
                    "instance": target.name,
                },
            }
            for target in settings.targets
        ),
    ]
