"""The state of everything watched, as one model: what the page, its API and the terminal show."""
