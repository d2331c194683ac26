"""Liquibase's tables in a database, and the history read from them."""
