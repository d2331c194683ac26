"""`run`: run Liquibase unchanged and report what it does.

The command keeps its standard streams, so nothing stands between it and the terminal; its progress
is read from Liquibase's log file.
"""
