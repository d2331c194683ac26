"""Liquibase's tables, and the history that is read from them."""
