"""The link to the dashboard that an alert with certain labels has."""

from __future__ import annotations

import re
from urllib.parse import quote_plus

from pg_migration_exporter.bundle.rule_tests.cases import Labels, Mapping

#: A variable of the address, as alert_rules writes it: name of the label, beginning, and value.
_VARIABLE = re.compile(r"{{ with \$labels\.(\w+) }}(&var-\w+=){{ \. \| urlquery }}{{ end }}")


def dashboard_url(rule: Mapping, labels: Labels) -> str:
    """Return the address with the variables of those labels that the alert has."""

    def variable(found: re.Match[str]) -> str:
        value = labels.get(found[1])
        return f"{found[2]}{quote_plus(value)}" if value else ""

    return _VARIABLE.sub(variable, rule["annotations"]["dashboard_url"])


def with_links(test: Mapping, rules: dict[str, Mapping]) -> Mapping:
    """Return a test of promtool's format whose expected alerts have their links."""
    asked = [_with_link(check, rules) for check in test.get("alert_rule_test", ())]
    return {**test, "alert_rule_test": asked} if asked else test


def _with_link(check: Mapping, rules: dict[str, Mapping]) -> Mapping:
    rule = rules.get(check["alertname"])
    if rule is None or not check.get("exp_alerts"):
        return check
    return {**check, "exp_alerts": [_linked(alert, rule) for alert in check["exp_alerts"]]}


def _linked(alert: Mapping, rule: Mapping) -> Mapping:
    if "exp_annotations" not in alert:
        return alert
    link = {"dashboard_url": dashboard_url(rule, alert.get("exp_labels", {}))}
    return {**alert, "exp_annotations": {**alert["exp_annotations"], **link}}
