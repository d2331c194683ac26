"""Selects the changesets that a run with given contexts and labels expects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import checksum, expressions, java, schema, writes
from .file_scope import FileScope
from .findings import Finding, RefusalError, error, warning
from .loaded_changeset import LoadedChangeSet
from .properties import is_set_by_run, unresolved
from .read_pass import ReadPass
from .result import ExpectedChangeset
from .sql_scripts import SqlScripts

#: Attributes that decide whether a changeset is expected, and its identity.
_DECISIVE = (
    *("id", "author", "logicalFilePath"),
    *("context", "contextFilter", "labels", "dbms", "ignore"),
)


@dataclass(frozen=True, slots=True)
class _Inherited:
    """The contexts and labels that the changesets of a file inherit from its includes."""

    contexts: tuple[str, ...]
    labels: tuple[str, ...]


class ChangeSetSelector:
    """Applies contexts and labels, and validates what Liquibase validates before it runs."""

    def __init__(self, read_pass: ReadPass) -> None:
        self._pass = read_pass
        self._options = read_pass.options
        self._scripts = SqlScripts(read_pass)
        self._inherited: dict[int, _Inherited] = {}
        #: Outcomes by contexts, labels and file: changesets of a file often share them.
        self._passed: dict[tuple[str | None, str | None, int], bool] = {}
        self._identities: set[str] = set()
        #: Identities of the changesets that were not selected.
        self.left_out: set[str] = set()

    def select(self, changesets: Sequence[LoadedChangeSet]) -> Iterator[LoadedChangeSet]:
        """Yield the expected changesets in order of execution; report errors as findings."""
        for changeset in changesets:
            try:
                if self._is_expected(changeset):
                    yield changeset
                else:
                    self.left_out.update(changeset.identities)
            except RefusalError as problem:
                self._report(changeset, problem.finding)

    def _is_expected(self, changeset: LoadedChangeSet) -> bool:
        if changeset.is_foreign:
            return False
        self._check_expressions(changeset)
        return self._passes(changeset) and not self._is_ignored(changeset)

    def _report(self, changeset: LoadedChangeSet, finding: Finding) -> None:
        self._pass.report(finding, changeset.scope.name, changeset.statement.line)

    def _check_expressions(self, changeset: LoadedChangeSet) -> None:
        """Report properties without a value where the identity or the filters depend on them."""
        texts = [changeset.path, *map(changeset.statement.attributes.get, _DECISIVE)]
        for name in unresolved(texts):
            make, advice = (
                (error, "Liquibase has a value for it; do not let an identity depend on it.")
                if is_set_by_run(name)
                else (warning, "Define it, or give the exporter the value that Liquibase is given.")
            )
            finding = make(f"The property {name} has no value.", advice, changeset.statement.line)
            self._pass.report_once(f"property {name}", finding, changeset.scope.name)

    def _passes(self, changeset: LoadedChangeSet) -> bool:
        own_context = changeset.statement.get("contextFilter", "context")
        own_labels = changeset.statement.get("labels")
        key = own_context, own_labels, id(changeset.scope)
        if key not in self._passed:
            inherited = self._inherited_by(changeset.scope)
            options = self._options
            self._passed[key] = expressions.context_matches(
                own_context, inherited.contexts, options.contexts, options.rules
            ) and expressions.label_matches(
                own_labels, inherited.labels, options.labels, options.rules
            )
        return self._passed[key]

    def _inherited_by(self, scope: FileScope) -> _Inherited:
        """Return the contexts and the labels that a file's changesets inherit."""
        if id(scope) not in self._inherited:
            enclosing = list(scope.enclosing())
            contexts = (
                text for outer in enclosing for text in (outer.context, outer.include_context)
            )
            labels = (outer.include_labels for outer in enclosing)
            self._inherited[id(scope)] = _Inherited(
                tuple(text for text in contexts if text and java.trim(text)),
                tuple(text for text in labels if text),
            )
        return self._inherited[id(scope)]

    def _is_ignored(self, changeset: LoadedChangeSet) -> bool:
        """Return whether it is ignored; one that only its include ignores is still validated."""
        if java.to_boolean(changeset.statement.attributes.get("ignore")):
            return True
        self._validate(changeset)
        return changeset.scope.include_ignored

    def _validate(self, changeset: LoadedChangeSet) -> None:
        attributes = changeset.statement.attributes
        identity = changeset.identity
        if identity in self._identities:
            summary = f"The changeset {identity} exists twice."
            self._report(changeset, error(summary, "Give one of them another id."))
        self._identities.add(identity)
        if not attributes.get("id"):
            self._report(changeset, error("The changeset has no id.", "Give it one."))
        elif attributes.get("author") is None:
            summary = "The changeset has no author: Liquibase lists it and cannot record it."
            self._report(changeset, warning(summary, "Give it one."))
        for name in expressions.items(attributes.get("dbms")):
            if name not in schema.DATABASES and not name.startswith("!"):
                advice = "Correct it, unless an extension of Liquibase provides this database."
                finding = warning(f"Liquibase does not know the database {name!r}.", advice)
                self._report(changeset, finding)
        for finding in self._scripts.check(changeset):
            self._report(changeset, finding)

    def expected(self, changeset: LoadedChangeSet) -> ExpectedChangeset:
        """Return a selected changeset in the form of the result."""
        attributes, content = changeset.statement.attributes, changeset.content
        inherited = self._inherited_by(changeset.scope)
        own_context = changeset.statement.get("contextFilter", "context")
        own_labels = expressions.items(changeset.statement.get("labels"))
        always = attributes.get("runAlways", attributes.get("alwaysRun"))
        computed = self._scripts.checksum(changeset)
        may_fail = not java.to_boolean(attributes.get("failOnError"), default=True)
        return ExpectedChangeset(
            path=changeset.path,
            id=changeset.id,
            author=changeset.author,
            file=changeset.scope.name,
            line=changeset.statement.line,
            checksum=computed,
            old_checksum=self._scripts.old_checksum(changeset),
            valid_checksums=tuple(map(checksum.parse, content.valid_checksums)),
            run_always=java.to_boolean(always),
            run_on_change=java.to_boolean(attributes.get("runOnChange")),
            may_leave_no_row=may_fail or "CONTINUE" in content.precondition_failures,
            contexts=(own_context, *inherited.contexts) if own_context else inherited.contexts,
            labels=(
                *own_labels,
                *(label for text in inherited.labels for label in expressions.items(text)),
            ),
            other_paths=changeset.other_paths,
            fingerprint=content.fingerprint if computed is None else "",
            writes=not (may_fail or content.precondition_failures)
            and writes.certainly_writes(content.changes, self._scripts.texts(changeset)),
        )
