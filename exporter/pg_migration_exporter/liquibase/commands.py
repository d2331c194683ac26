"""Liquibase's commands: those that change the database, and those that only read it."""

from __future__ import annotations

_MIGRATING = """
update update-count update-to-tag update-testing-rollback update-one-changeset
rollback rollback-count rollback-to-date rollback-one-changeset rollback-one-update
changelog-sync changelog-sync-to-tag mark-next-changeset-ran tag clear-checksums drop-all
execute-sql
"""
_READING = """
status validate history list-locks release-locks tag-exists unexpected-changesets
diff diff-changelog generate-changelog snapshot snapshot-reference calculate-checksum db-doc
update-sql update-count-sql update-to-tag-sql rollback-sql rollback-count-sql rollback-to-date-sql
future-rollback-sql future-rollback-count-sql future-rollback-from-tag-sql
changelog-sync-sql changelog-sync-to-tag-sql mark-next-changeset-ran-sql
"""

#: They change the database or its history.
MIGRATING = frozenset(_MIGRATING.split())
#: Every command, to distinguish a command from an argument.
ALL = MIGRATING | frozenset(_READING.split())
