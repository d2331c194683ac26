"""Which of the tables found are histories, and which lock belongs to each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from pg_migration_exporter.config.schema import LiquibaseSection
from pg_migration_exporter.liquibase.history.tables import DEFAULT_NAMES, ChangelogTables, Table

_DEFAULT_TABLE = f"public.{DEFAULT_NAMES[0]}"
_DEFAULT_LOCK = DEFAULT_NAMES[1]
#: Liquibase Pro writes every command to it, besides the history.
_LOG_OF_COMMANDS = "databasechangeloghistory"


@dataclass(frozen=True, slots=True)
class TableRules:
    """What is configured about tables, as schema.table.

    `histories` are always histories, `locks` maps a history to its lock table, and tables that
    match one of the patterns `exclude` do not count. Roles that match one of `trusted_owners` are
    trusted with their tables, besides those that the catalog shows (postgres.guarded_table).
    """

    histories: frozenset[str] = frozenset()
    locks: Mapping[str, str] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    trusted_owners: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: LiquibaseSection, datname: str) -> TableRules:
        """Return what is configured about the tables of a database."""
        sections = [item for item in settings.changelogs if item.database in (None, datname)]
        tables = [(item.table or _DEFAULT_TABLE, item.lock_table) for item in sections]
        return cls(
            frozenset(item.table for item in sections if item.table is not None),
            {table: lock for table, lock in tables if lock is not None},
            settings.exclude,
            settings.trusted_owners,
        )

    def allows(self, table: Table) -> bool:
        """Whether the table may be one of Liquibase's."""
        if table.name in self.histories or table.name in self.locks.values():
            return True
        is_log = table.relname.casefold() == _LOG_OF_COMMANDS
        return not is_log and not any(fnmatchcase(table.name, item) for item in self.exclude)

    def refusal(self, table: Table) -> str | None:
        """Return why the table is not read, None if it is."""
        return table.guarded.distrust(self.trusted_owners) or table.obstacle


def refused_tables(found: Iterable[Table], rules: TableRules) -> dict[str, str]:
    """Return why tables are not read, by name.

    An application may have a table with the columns of a lock under another name: it is none.
    """
    refused = ((table, rules.refusal(table)) for table in found if rules.allows(table))
    return {
        table.name: why
        for table, why in refused
        if why is not None and (not table.is_lock or table.relname in DEFAULT_NAMES)
    }


def pair_tables(found: Iterable[Table], rules: TableRules) -> list[ChangelogTables]:
    """Pair the histories with their locks, ordered by name.

    A history that CREATE TABLE AS made is a copy, unless it is configured or the only one.
    """
    allowed = [*filter(rules.allows, found)]
    tables = sorted(
        (table for table in allowed if rules.refusal(table) is None), key=lambda table: table.name
    )
    refused = [table for table in allowed if table.is_lock and rules.refusal(table) is not None]
    histories = [table for table in tables if not table.is_lock]
    if any(table.is_original for table in histories):
        histories = [
            table for table in histories if table.is_original or table.name in rules.histories
        ]
    locks = [table for table in tables if table.is_lock]
    by_name = {table.name: table for table in locks}
    locks_of, refused_of = _by_schema(locks), _by_schema(refused)
    pairs = [
        _with_refused_lock(pair, refused_of.get(schemaname, ()))
        for schemaname, found in _by_schema(histories).items()
        for pair in _pair_schema(
            found, _originals(locks_of.get(schemaname, ())), by_name, rules.locks
        )
    ]
    return sorted(pairs, key=lambda pair: pair.name)


def _by_schema(tables: Sequence[Table]) -> dict[str, list[Table]]:
    found: dict[str, list[Table]] = {}
    for table in tables:
        found.setdefault(table.schemaname, []).append(table)
    return found


def _with_refused_lock(pair: ChangelogTables, refused: Sequence[Table]) -> ChangelogTables:
    """Note that the lock which a history would have is not to be read; `refused` of its schema."""
    is_refused = not pair.has_own_lock and _named_after(pair.history, refused) is not None
    return replace(pair, has_refused_lock=is_refused)


def _originals(locks: Sequence[Table]) -> Sequence[Table]:
    """Return lock tables without copies."""
    return [table for table in locks if table.is_original] or locks


def _pair_schema(
    histories: Sequence[Table],
    locks: Sequence[Table],
    by_name: Mapping[str, Table],
    configured: Mapping[str, str],
) -> list[ChangelogTables]:
    """Pair by configuration, by name, and the one history with the one lock that are left."""
    own = dict[str, Table]()
    for history in histories:
        if history.name in configured:
            lock = by_name.get(configured[history.name])
        else:
            lock = _named_after(history, locks)
        if lock is not None:
            own[history.name] = lock
    left = [table for table in histories if table.name not in own | dict(configured)]
    unused = [table for table in locks if table not in own.values()]
    if len(left) == len(unused) == 1:
        own[left[0].name] = unused[0]
    return [
        ChangelogTables(
            history,
            own.get(history.name) or _shared_lock(history, locks, unused, configured),
            history.name in own,
        )
        for history in histories
    ]


def _named_after(history: Table, locks: Sequence[Table]) -> Table | None:
    expected = f"{history.relname}lock".casefold()
    return next((lock for lock in locks if lock.relname.casefold() == expected), None)


def _shared_lock(
    history: Table,
    locks: Sequence[Table],
    unused: Sequence[Table],
    configured: Mapping[str, str],
) -> Table | None:
    """Return the only lock of the schema, or the default one, if no other can be meant."""
    if history.name in configured:
        return None
    if len(locks) == 1:
        return locks[0]
    default = [lock for lock in locks if lock.relname.casefold() == _DEFAULT_LOCK]
    return default[0] if default and not unused else None


def original_of(
    history: Table, first_rows: Mapping[str, object], pairs: Sequence[ChangelogTables]
) -> str | None:
    """Return the history that this one, which has no lock of its own, is a copy of.

    `first_rows` are the first rows of both; copies have the same.
    """
    for pair in pairs:
        if pair.history == history or first_rows.get(pair.name) is None:
            continue
        is_older = pair.has_own_lock or pair.history.oid < history.oid
        if is_older and first_rows[pair.name] == first_rows.get(history.name):
            return pair.name
    return None
