"""What a database, and the changelog files, tell of a Liquibase migration; one function decides."""
