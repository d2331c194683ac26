"""How near the latency histogram comes to the server's own log of every statement."""
