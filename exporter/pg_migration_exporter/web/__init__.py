"""The HTTP server: metrics, health, reports, and the status page with its API."""
