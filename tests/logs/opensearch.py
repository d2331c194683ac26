"""A real OpenSearch, with the rendered objects, for indexes of one test alone."""

from __future__ import annotations

import json
import secrets
import ssl
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from pg_migration_exporter.bundle.values import merge
from tests.fixtures.fluent_bit import KEEP_ALL, log_values, rendered

Document = dict[str, Any]
#: More than a test stores.
_ALL = 10_000


class OpenSearch:
    """Holds what the bundle has for the indexes whose names begin with `index`, and ends it all.

    Where it asks for a login, `writer` is a user who has the rights of the bundle's role alone.
    """

    def __init__(self, url: str, authority: str | None, index: str) -> None:
        """`url` may hold an administrator's login; `authority` is a file, for TLS."""
        tls = ssl.create_default_context(cafile=authority)
        self.client = httpx.Client(base_url=url, verify=tls, trust_env=False, timeout=60)
        self._url = urlsplit(url)
        self._authority = authority
        self.index = index
        self.writer = (index, secrets.token_urlsafe(24))

    def __enter__(self) -> Self:
        for path, content in self._objects().items():
            self.call("PUT", path, content)
        return self

    def __exit__(self, *_: object) -> None:
        for path in (*self.indexes(), *reversed(self._objects())):
            self.call("DELETE", path)
        self.client.close()

    def _objects(self) -> dict[str, Mapping[str, Any]]:
        """What is made for the indexes: path -> content."""
        template: dict[str, Mapping[str, Any]] = {
            f"_index_template/{self.index}": self.rendered("index-template.json")
        }
        if not self._url.username:
            return template
        user, password = self.writer
        security = "_plugins/_security/api"
        return template | {
            f"{security}/roles/{user}": self.rendered("role.json"),
            f"{security}/internalusers/{user}": {"password": password},
            f"{security}/rolesmapping/{user}": {"users": [user]},
        }

    def plugins(self) -> set[str]:
        return {plugin["component"] for plugin in self.call("GET", "_cat/plugins?format=json")}

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer to a request that has to succeed."""
        answer = self.client.request(method, f"/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def values(self, **logs: Any) -> Mapping[str, Any]:
        """The `logs` part of values that keep every entry and lead it here."""
        where = {
            "host": self._url.hostname,
            "port": self._url.port,
            "tls": self._url.scheme == "https",
            "ca_file": self._authority,
            "index": self.index,
        }
        return merge({**KEEP_ALL, "output": where}, logs)

    def rendered(self, name: str) -> dict[str, Any]:
        """One of the bundle's files for OpenSearch."""
        found = json.loads(rendered(log_values(self.values()), f"opensearch/{name}"))
        assert isinstance(found, dict)
        return found

    def indexes(self) -> list[str]:
        """Names of those that entries have made."""
        return sorted(self.call("GET", f"{self.index}-*/_settings"))

    def search(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """What the indexes answer to a query, with all that was stored before it."""
        self.call("POST", f"{self.index}-*/_refresh")
        found = self.call("POST", f"{self.index}-*/_search", query)
        assert isinstance(found, dict)
        assert found["_shards"]["failed"] == 0, found
        return found

    def documents(self, query: Mapping[str, Any] | None = None) -> list[Document]:
        """Those that match, or all."""
        found = self.search({"size": _ALL, "query": query or {"match_all": {}}})
        return [hit["_source"] for hit in found["hits"]["hits"]]
