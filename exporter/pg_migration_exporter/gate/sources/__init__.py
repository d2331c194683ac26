"""Checks of the profile that ask others than the server, in the gate alone."""
