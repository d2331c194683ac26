"""The way to one PostgreSQL database: how to connect, what the server can do, how to ask it."""
