"""The command line: builds the parser, nothing else. Each subcommand is a module beside this one."""
