"""PostgreSQL's server log: its formats, the rules that read them, and the check of a log."""
