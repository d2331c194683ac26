"""Access to one PostgreSQL database: connections, queries, capabilities of the server."""
