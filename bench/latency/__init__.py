"""Compares the latency histogram with the server's own log of every statement."""
