"""What Liquibase wants to do, has done and is doing: changelog files, history tables, sessions."""
