"""`run`: Liquibase as it is, with a report of what it does.

The command keeps its own standard streams, so nothing of ours is between it and the terminal; what
it did is learned from Liquibase's log file, beside it.
"""
