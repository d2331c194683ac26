"""Reads Liquibase changelogs (XML, YAML, JSON, SQL): which changesets a run would expect.

    changelog = read_changelog("db/master.xml", [Path("/srv/app")], contexts="prod")
    if changelog.complete:
        pending = [each for each in changelog.changesets if each.identity not in history]

The order of the parts: `sources` finds a file, `formats` makes `statements` of it, `resolve` walks
the includes and sets properties, `select` applies contexts and labels. Everything follows
Liquibase 4.28; `rules` has what other versions do differently.

What Liquibase validates inside of changes (columns, rollbacks that name another changeset) is not
looked at. Archives in a search path, Java classes that filter or sort, and what only Liquibase Pro
includes are findings.
"""

from .cache import ChangelogCache
from .model import Changelog, ExpectedChangeset, Finding, Severity
from .paths import normalize as normalize_path
from .reader import locate, read_changelog

__all__ = [
    "Changelog",
    "ChangelogCache",
    "ExpectedChangeset",
    "Finding",
    "Severity",
    "locate",
    "normalize_path",
    "read_changelog",
]
