"""The elements and attributes that Liquibase knows in a changelog, and their order.

From dbchangelog-2.0.xsd to dbchangelog-5.0.xsd and the change and database classes of 5.0.4; a name
that only some of these have is accepted, since the running version decides.
"""

from __future__ import annotations

ROOT = "databaseChangeLog"

_FILTERS = frozenset({"context", "contextFilter", "labels"})
_INCLUDE = _FILTERS | {"relativeToChangelogFile", "ignore", "logicalFilePath"}

#: Attributes of the elements that define changesets, includes and properties.
ATTRIBUTES: dict[str, frozenset[str]] = {
    ROOT: frozenset(
        {"logicalFilePath", "context", "contextFilter", "changeLogId", "objectQuotingStrategy"}
    ),
    "changeSet": _FILTERS
    | {
        *("id", "author", "dbms", "runOnChange", "runAlways", "failOnError", "onValidationFail"),
        *("runInTransaction", "logicalFilePath", "objectQuotingStrategy", "created", "runOrder"),
        *("ignore", "runWith", "runWithSpoolFile"),
    },
    "include": _INCLUDE | {"file", "errorIfMissing", "id", "author", "created"},
    "includeAll": _INCLUDE
    | {
        *("path", "errorIfMissingOrEmpty", "resourceComparator", "filter", "resourceFilter"),
        *("minDepth", "maxDepth", "endsWithFilter"),
    },
    "property": _FILTERS
    | {
        *("file", "name", "value", "dbms", "global", "target"),
        *("relativeToChangelogFile", "errorIfMissing"),
    },
    "modifyChangeSets": frozenset(
        {"runWith", "runWithSpoolFile", "endDelimiter", "stripComments", "failOnError"}
    ),
    "removeChangeSetProperty": frozenset({"change", "dbms", "remove"}),
}

#: Required attributes.
REQUIRED: dict[str, frozenset[str]] = {
    "changeSet": frozenset({"id", "author"}),
    "include": frozenset({"file"}),
    "includeAll": frozenset({"path"}),
}

#: Attributes that hold `true`, `false`, `1`, `0` or a `${property}`.
BOOLEANS = frozenset(
    {
        *("runOnChange", "runAlways", "failOnError", "runInTransaction", "errorIfMissing"),
        *("errorIfMissingOrEmpty", "relativeToChangelogFile"),
    }
)

#: Liquibase's own changes, which its schema has.
SCHEMA_CHANGES = frozenset(
    {
        *("addAutoIncrement", "addColumn", "addDefaultValue", "addForeignKeyConstraint"),
        *("addLookupTable", "addNotNullConstraint", "addPrimaryKey", "addUniqueConstraint"),
        *("alterSequence", "createIndex", "createProcedure", "createSequence", "createTable"),
        *("createView", "customChange", "delete", "dropAllForeignKeyConstraints", "dropColumn"),
        *("dropDefaultValue", "dropForeignKeyConstraint", "dropIndex", "dropNotNullConstraint"),
        *("dropPrimaryKey", "dropProcedure", "dropSequence", "dropTable"),
        *("dropUniqueConstraint", "dropView", "empty", "executeCommand", "insert", "loadData"),
        *("loadUpdateData", "mergeColumns", "modifyColumn", "modifyDataType", "output"),
        *("renameColumn", "renameSequence", "renameTable", "renameView", "setColumnRemarks"),
        *("setTableRemarks", "sql", "sqlFile", "stop", "tagDatabase", "update"),
    }
)
#: Those, and the changes of Liquibase Pro, which have their own XML namespace.
CHANGES = SCHEMA_CHANGES.union(
    {
        *("addCheckConstraint", "createFunction", "createPackage", "createPackageBody"),
        *("createSynonym", "createTrigger", "disableCheckConstraint", "disableTrigger"),
        *("dropCheckConstraint", "dropFunction", "dropPackage", "dropPackageBody"),
        *("dropSynonym", "dropTrigger", "enableCheckConstraint", "enableTrigger", "markUnused"),
        "renameTrigger",
    }
)

#: Elements of a changeset other than changes; the last two exist in YAML.
CHANGESET_PARTS = frozenset(
    {
        *("rollback", "comment", "validCheckSum", "preConditions", "modifySql"),
        *("validCheckSums", "changes"),
    }
)

#: The order that the schema requires of the children of an element: lower ranks first.
RANKS: dict[str, dict[str, int]] = {
    ROOT: {
        **{"removeChangeSetProperty": 0, "property": 1, "preConditions": 2},
        **dict.fromkeys(("changeSet", "include", "includeAll", "modifyChangeSets"), 3),
    },
    "modifyChangeSets": {"include": 0, "includeAll": 0},
    "changeSet": {
        **{"validCheckSum": 0, "preConditions": 1, "modifySql": 3},
        **dict.fromkeys(SCHEMA_CHANGES | {"rollback", "comment"}, 2),
    },
}

#: Databases that Liquibase knows without an extension, as `dbms` names them.
DATABASES = frozenset(
    {
        *("all", "none", "asany", "cockroachdb", "db2", "db2z", "derby", "edb", "firebird"),
        *("h2", "hsqldb", "informix", "ingres", "mariadb", "mock", "mssql", "mysql", "oracle"),
        *("postgresql", "snowflake", "sqlite", "sybase", "unsupported"),
    }
)
