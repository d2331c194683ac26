"""The HTTP side: what Prometheus, a load balancer and a person ask for."""
