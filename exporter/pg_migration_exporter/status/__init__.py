"""The status of the targets as one model: for the page, the JSON API and the terminal."""
