"""Reports of Liquibase runs: the model, where they are stored, and the latest of each history."""
