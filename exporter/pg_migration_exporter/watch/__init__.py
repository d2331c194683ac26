"""What happens between scrapes: the watcher, the events it tells of, and its durable memory."""
