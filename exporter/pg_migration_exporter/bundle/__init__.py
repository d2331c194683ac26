"""The bundle: alert rules, rendered from templates and one file of values, checked and verified."""
