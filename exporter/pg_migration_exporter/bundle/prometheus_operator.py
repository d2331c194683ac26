"""Rules and Alertmanager's configuration, as objects of the Prometheus Operator have them.

An AlertmanagerConfig has the same content in another grammar (API reference of
monitoring.coreos.com/v1alpha1): keys in camel case, matchers and headers as lists of objects,
secrets as keys of a Secret, the mail server with each address, and the texts themselves, because no
file of templates is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import yaml

#: Native -> AlertmanagerConfig, where camel case alone is not enough.
_RENAMED = {
    "pagerduty_configs": "pagerdutyConfigs",
    "api_url": "apiURL",
    "webhook_url": "webhookURL",
    "client_url": "clientURL",
    "require_tls": "requireTLS",
    "source_matchers": "sourceMatch",
    "target_matchers": "targetMatch",
}
#: Mappings that are lists of keys and values there.
_PAIRS = ("headers", "details")
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"(.*)"')
_FILE = "_file"
_SMTP = re.compile("^smtp_")


def of_namespace(groups: Sequence[Mapping[str, Any]], namespace: str) -> list[dict[str, Any]]:
    """Return the groups of rules with this label `namespace` on every alert that has none.

    The operator routes by it, and neither absent() nor every target has one.
    """
    label = {"namespace": namespace}
    return [
        {**group, "rules": [_with_label(rule, label) for rule in group["rules"]]}
        for group in groups
    ]


def _with_label(rule: Mapping[str, Any], label: Mapping[str, str]) -> Mapping[str, Any]:
    return {**rule, "labels": {**label, **rule["labels"]}} if "alert" in rule else rule


def alertmanager_config(text: str, secret: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the `spec` for a native configuration in YAML; `texts` are its templates by name."""
    native = yaml.safe_load(text)
    smtp = {_SMTP.sub("", name): value for name, value in native["global"].items()}
    receivers = [_with_smtp(receiver, smtp) for receiver in native["receivers"]]
    content = {
        "route": native["route"],
        "inhibit_rules": native["inhibit_rules"],
        "receivers": receivers,
    }
    translated: dict[str, Any] = _Translation(secret, texts).value(content)
    return translated


def _with_smtp(receiver: Mapping[str, Any], smtp: Mapping[str, Any]) -> dict[str, Any]:
    mails = [{**mail, **smtp} for mail in receiver.get("email_configs", ())]
    return {**receiver, **({"email_configs": mails} if mails else {})}


class _Translation:
    """Rewrites any part of the native configuration."""

    def __init__(self, secret: str, texts: Mapping[str, str]) -> None:
        self._secret = secret
        self._texts = {f'{{{{ template "{name}" . }}}}': text for name, text in texts.items()}

    def value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return dict(self._entry(key, content) for key, content in value.items())
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return self._texts.get(value, value) if isinstance(value, str) else value

    def _entry(self, key: str, value: Any) -> tuple[str, Any]:
        if key.endswith(_FILE):
            selector = {"name": self._secret, "key": PurePosixPath(value).name}
            return _camel(key.removesuffix(_FILE)), selector
        if key.endswith("matchers"):
            return _camel(key), [_matcher(matcher) for matcher in value]
        if key == "links":
            links = [{"href": self.value(link["href"]), "alt": link["text"]} for link in value]
            return "pagerDutyLinkConfigs", links
        if key in _PAIRS:
            pairs = [{"key": name, "value": self.value(text)} for name, text in value.items()]
            return _camel(key), pairs
        return _camel(key), self.value(value)


def _camel(key: str) -> str:
    first, *rest = key.split("_")
    return _RENAMED.get(key) or first + "".join(word.capitalize() for word in rest)


def _matcher(text: str) -> dict[str, str]:
    """Return the parts of a matcher such as `severity="critical"`, which the templates write."""
    match = _MATCHER.fullmatch(text)
    assert match, text
    name, kind, value = match.groups()
    return {"name": name, "matchType": kind, "value": value}
