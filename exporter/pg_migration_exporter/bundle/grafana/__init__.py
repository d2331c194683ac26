"""Grafana dashboards: the model of their YAML files, and the JSON that is made from it."""
