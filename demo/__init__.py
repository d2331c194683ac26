"""The embedded demo: a real PostgreSQL cluster and all that watches it, in one folder."""
