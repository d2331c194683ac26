"""What a metric is, and how it becomes the text of a page."""
