"""The dashboards of the bundle, asked of the demo's Prometheus and drawn as pictures."""
