"""Liquibase's lock: how it is read, which session may hold it, and which ones wait for it."""
