"""PostgreSQL's server log: its formats, the rules that parse them, and the check of a log."""
