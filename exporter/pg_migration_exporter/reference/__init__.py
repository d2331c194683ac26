"""The pages of docs/ that are made from what the code declares."""
