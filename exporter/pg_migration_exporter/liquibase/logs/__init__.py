"""Errors of the server's log that arrive from the log pipeline: evidence of failed runs."""
