"""Compare changelog files with a history: pending, unexpected, drifted, recorded elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pg_migration_exporter.liquibase.changelog import Changelog, ExpectedChangeset
from pg_migration_exporter.liquibase.state.evidence import ChangelogComparison, OtherPaths
from pg_migration_exporter.liquibase.state.seen_contents import SeenContents

#: The path of rows that Liquibase writes for itself, such as for a tag on an empty history.
_INTERNAL_PATH = "liquibase-internal"


@dataclass(slots=True)
class _Found:
    """What the next update does with the changesets; `unchecked` counts unknown checksums."""

    pending: list[str] = field(default_factory=list)
    drifted: list[str] = field(default_factory=list)
    rerun: list[str] = field(default_factory=list)
    skippable: list[str] = field(default_factory=list)
    unchecked: int = 0
    edited: list[str] = field(default_factory=list)
    contents: SeenContents = field(default_factory=SeenContents)

    def add(self, changeset: ExpectedChangeset, recorded: Mapping[str, str | None]) -> None:
        """Add a changeset.

        Changesets that a successful run may skip (`failOnError="false"`, `onFail="CONTINUE"`) and
        those that run every time are never pending.
        """
        identity = changeset.identity
        name = next((name for name in changeset.identities if name in recorded), None)
        if changeset.run_always:
            self.rerun.append(identity)
        elif name is None:
            missing = self.skippable if changeset.may_leave_no_row else self.pending
            missing.append(identity)
        else:
            self._add_recorded(changeset, recorded[name])

    def _add_recorded(self, changeset: ExpectedChangeset, checksum: str | None) -> None:
        accepted = changeset.accepts(checksum)
        if accepted is None and changeset.run_on_change:
            self._add_unchecked(changeset, checksum)
        elif accepted is None:
            self.unchecked += 1
        elif accepted:
            return
        elif changeset.run_on_change:
            self.pending.append(changeset.identity)
            self.rerun.append(changeset.identity)
        else:
            self.drifted.append(changeset.identity)

    def _add_unchecked(self, changeset: ExpectedChangeset, checksum: str | None) -> None:
        if self.contents.is_edited(changeset, checksum):
            self.pending.append(changeset.identity)
            self.edited.append(changeset.identity)
        else:
            self.unchecked += 1


def compare_changesets(
    changelog: Changelog,
    recorded: Mapping[str, str | None],
    contents: SeenContents | None = None,
) -> ChangelogComparison:
    """Compare the expected changesets with the recorded ones (identity to checksum).

    `contents` are those seen before.
    """
    if not changelog.complete:
        return ChangelogComparison(unreadable=_first_error(changelog))
    found = _Found(contents=contents or SeenContents())
    for changeset in changelog.changesets:
        found.add(changeset, recorded)
    unexpected = tuple(_unexpected(changelog, recorded))
    return ChangelogComparison(
        tuple(found.pending),
        unexpected,
        tuple(found.drifted),
        tuple(found.rerun),
        _identities(changelog.changesets),
        _identities(changeset for changeset in changelog.changesets if changeset.writes),
        other_paths=_other_paths(found.pending, unexpected),
        roots=changelog.roots,
        unchecked=found.unchecked,
        skippable=tuple(found.skippable),
        edited=tuple(found.edited),
    )


def combine(changelogs: Sequence[Changelog]) -> Changelog:
    """Return several changelogs for one history as one: all changesets in order, each once."""
    if len(changelogs) == 1:
        return changelogs[0]
    expected = {
        changeset.identity: changeset
        for changelog in changelogs
        for changeset in changelog.changesets
    }
    return Changelog(
        ", ".join(changelog.file for changelog in changelogs),
        tuple(expected.values()),
        tuple(finding for changelog in changelogs for finding in changelog.findings),
        frozenset[str]().union(*(changelog.left_out for changelog in changelogs)),
        tuple(_identities(changelog.changesets) for changelog in changelogs),
        max(changelog.modified_at for changelog in changelogs),
    )


def _identities(changesets: Iterable[ExpectedChangeset]) -> frozenset[str]:
    return frozenset(changeset.identity for changeset in changesets)


def _unexpected(changelog: Changelog, recorded: Iterable[str]) -> Iterable[str]:
    """Return the recorded changesets that are not in the files, whether selected or not."""
    known = {name for changeset in changelog.changesets for name in changeset.identities}
    return (
        name
        for name in recorded
        if name not in known
        and name not in changelog.left_out
        and not name.startswith(f"{_INTERNAL_PATH}::")
    )


def _other_paths(pending: Iterable[str], unexpected: Iterable[str]) -> OtherPaths | None:
    """Return under which other paths the history has pending changesets, None if it has none.

    Such a changeset has the same id, author and file name; only the folders differ.
    """
    recorded = {_without_folders(name): _folders(name) for name in unexpected}
    moved = {
        name: _differing(recorded[key], _folders(name))
        for name in pending
        if (key := _without_folders(name)) in recorded
    }
    if not moved:
        return None
    [((in_history, in_files), _)] = Counter(moved.values()).most_common(1)
    return OtherPaths(frozenset(moved), in_history, in_files)


def _folders(identity: str) -> str:
    return identity.partition("::")[0].rpartition("/")[0]


def _without_folders(identity: str) -> str:
    path, _, name = identity.partition("::")
    return f"{path.rpartition('/')[2]}::{name}"


def _differing(recorded: str, expected: str) -> tuple[str, str]:
    """Return what is left of two lists of folders without those at the end of both."""
    ours = recorded.split("/") if recorded else []
    theirs = expected.split("/") if expected else []
    while ours and theirs and ours[-1] == theirs[-1]:
        ours.pop()
        theirs.pop()
    return "".join(f"{part}/" for part in ours), "".join(f"{part}/" for part in theirs)


def _first_error(changelog: Changelog) -> str:
    error = next(finding for finding in changelog.findings if finding.severity == "error")
    where = f" ({error.file}{f':{error.line}' if error.line else ''})" if error.file else ""
    return f"{error.summary.rstrip('.')}{where}"
