"""Reads Liquibase changelogs (XML, YAML, JSON, SQL): which changesets a run would expect.

    changelog = read_changelog("db/master.xml", [Path("/srv/app")], contexts="prod")
    if changelog.complete:
        pending = [
            changeset for changeset in changelog.changesets if changeset.identity not in history
        ]

The steps: `search_path` finds a file, `formats` parses it into `statements`, `loader` follows the
includes and sets properties, `selector` applies contexts and labels. Everything follows
Liquibase 4.28; `version_rules` lists what other versions do differently.

What Liquibase validates inside changes (columns, rollbacks that name another changeset) is not
checked. Archives in a search path, Java classes that filter or sort, and includes of Liquibase Pro
are findings.
"""

from .cache import ChangelogCache
from .findings import Finding, Severity
from .paths import normalize as normalize_path
from .reader import locate, read_changelog
from .result import Changelog, ExpectedChangeset

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
