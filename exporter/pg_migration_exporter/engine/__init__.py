"""Targets, their databases, scrapes and the watcher: what runs the collectors."""
