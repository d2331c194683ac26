"""Tables of other roles, which are read only while they can run nobody's code.

Reading a view, a foreign table, a table with row security or a column of a user's type runs code of
its owner with the rights of the exporter's role. So a table is judged in the catalog when it is
found, and again in the transaction that reads it, after its lock: what is locked cannot be dropped,
renamed or altered, and who owns its schema is trusted not to rename that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from functools import cached_property

from pg_migration_exporter.postgres.statement import Statement


class ColumnType(Enum):
    """Kinds of columns, by the oids of built-in types (src/include/catalog/pg_type.dat).

    These are what Liquibase creates, and what administrators make of it.
    """

    #: text, character, character varying.
    TEXT = (25, 1042, 1043)
    #: smallint, integer, bigint.
    INTEGER = (21, 23, 20)
    BOOLEAN = (16,)
    #: timestamp without and with time zone.
    TIME = (1114, 1184)
    TIME_WITH_ZONE = (1184,)
    UUID = (2950,)
    JSON = (3802,)


#: Parameters: schema, table, and the oids of the table, its owner and the owner of its schema.
_CHECK = """
select 1 / pg_catalog.count(*) as fits
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where n.nspname = $1::pg_catalog.text and c.relname = $2::pg_catalog.text
   and c.oid = $3::pg_catalog.text::pg_catalog.oid
   and c.relowner = $4::pg_catalog.text::pg_catalog.oid
   and n.nspowner = $5::pg_catalog.text::pg_catalog.oid
   and {obstacle} is null
"""

#: A role whose members are trusted with their tables, made by sql/grants.sql.
MARKER_SUFFIX = "_trusted"

_TRUSTED = """(
    select r.rolsuper or r.rolname = 'pg_database_owner'
           or r.oid = (select d.datdba from pg_catalog.pg_database d
                        where d.datname = pg_catalog.current_database())
           or {others}
      from pg_catalog.pg_roles r where r.oid = {role})"""

#: The first reason not to read table `c`, null without one. The planner computes constant parts of
#: the expressions of indexes, constraints and statistics, whatever is read. User objects have oids
#: from 16384 on (PostgreSQL, src/include/access/transam.h).
_OBSTACLE = """case
    when c.relkind <> 'r' or c.relispartition or c.relpersistence = 't'
      or exists (select from pg_catalog.pg_inherits i where c.oid in (i.inhrelid, i.inhparent))
    then 'is not an ordinary table'
    when c.relrowsecurity or exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid)
    then 'has row security'
    when exists (select from pg_catalog.pg_rewrite w where w.ev_class = c.oid)
    then 'has a rule'
    when {columns} then 'has a column of another type than Liquibase creates'
    when exists (
        select from pg_catalog.pg_depend d
         where d.refobjid >= 16384
           and d.refclassid in ('pg_catalog.pg_proc'::pg_catalog.regclass,
                                'pg_catalog.pg_operator'::pg_catalog.regclass,
                                'pg_catalog.pg_opclass'::pg_catalog.regclass)
           and (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                and d.objid in (select i.indexrelid from pg_catalog.pg_index i
                                 where i.indrelid = c.oid)
             or d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
                and d.objid in (select k.oid from pg_catalog.pg_constraint k
                                 where k.conrelid = c.oid)
             or d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass
                and d.objid in (select s.oid from pg_catalog.pg_statistic_ext s
                                 where s.stxrelid = c.oid)))
    then 'has an index, a constraint or statistics with a function of a user'
    end"""


#: Roles that sql/grants.sql was given.
_MARKED = f"""exists (select from pg_catalog.pg_roles t
                       where t.rolname = (current_user || '{MARKER_SUFFIX}')::pg_catalog.name
                         and pg_catalog.pg_has_role(r.oid, t.oid, 'member'))"""
#: The role itself, which runs its own code anyway.
ITSELF = "r.rolname = current_user"


def trusted(role: str, others: str = _MARKED) -> str:
    """Return SQL for whether a role is trusted with its tables: `role` is SQL for its oid.

    These are superusers, the owner of the database, and `others`: SQL about `r` of pg_roles.
    """
    return _TRUSTED.format(role=role, others=others)


class Shape:
    """The columns of a table that are read, with their types; some may be missing."""

    def __init__(
        self, columns: Mapping[str, ColumnType], optional: Mapping[str, ColumnType] | None = None
    ) -> None:
        self.columns = columns
        self.optional = optional or {}

    @cached_property
    def obstacle(self) -> str:
        """SQL for why the table `c` of pg_class is not read: a text, or null."""
        return _OBSTACLE.format(
            columns=" or ".join(
                (
                    f"{len(self.columns)} <> {_count(_fits(self.columns))}",
                    *(
                        "0 < " + _count(f"a.attname = '{name}' and not ({_fits({name: kind})})")
                        for name, kind in self.optional.items()
                    ),
                )
            )
        )

    @cached_property
    def check(self) -> str:
        """A statement that fails unless a table is what it was found to be."""
        return _CHECK.format(obstacle=self.obstacle)


def _fits(columns: Mapping[str, ColumnType]) -> str:
    """Return SQL for whether the attribute `a` is one of these columns."""
    return " or ".join(
        f"a.attname = '{name}' and a.attgenerated = ''"
        f" and a.atttypid in ({', '.join(map(str, kind.value))})"
        for name, kind in columns.items()
    )


def _count(condition: str) -> str:
    """Return SQL for how many columns of the table `c` fulfill a condition on `a`."""
    return (
        "(select pg_catalog.count(*) from pg_catalog.pg_attribute a"
        f" where a.attrelid = c.oid and a.attnum > 0 and ({condition}))"
    )


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a table or a schema; `is_trusted` by the catalog."""

    oid: int
    name: str
    is_trusted: bool

    def is_trusted_by(self, patterns: Sequence[str]) -> bool:
        """Whether the catalog or the configuration trusts it."""
        return self.is_trusted or any(fnmatchcase(self.name, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class GuardedTable:
    """A table as it was found, and the statements that let it be read.

    `quoted` is its name as SQL, schema included; `shape` are the columns that are read.
    """

    oid: int
    schemaname: str
    relname: str
    quoted: str
    owner: Owner
    schema_owner: Owner
    shape: Shape = field(repr=False)

    def distrust(self, trusted_owners: Sequence[str]) -> str | None:
        """Return why its owners are not trusted, None if they are; the configuration has names."""
        if not self.owner.is_trusted_by(trusted_owners):
            return f"belongs to {self.owner.name}, which is not trusted"
        if not self.schema_owner.is_trusted_by(trusted_owners):
            return f"is in a schema of {self.schema_owner.name}, which is not trusted"
        return None

    def guards(self) -> tuple[Statement, Statement]:
        """Return what comes before a statement that reads it, in the same transaction.

        The second one fails with a division by zero unless the table is what was found.
        """
        found = (self.oid, self.owner.oid, self.schema_owner.oid)
        return (
            Statement(f"lock table only {self.quoted} in access share mode"),
            Statement(self.shape.check, [self.schemaname, self.relname, *map(str, found)]),
        )
