"""From all changesets of a changelog to those that a run with given filters is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from . import checksum, expressions, java, vocabulary
from .model import ExpectedChangeset, Finding, RefusalError, error, warning
from .properties import is_outside, unresolved
from .reading import FileReading
from .scope import FileScope, LoadedChangeSet
from .scripts import Scripts

#: Attributes that decide which changesets there are, and what they are called.
_DECISIVE = (
    *("id", "author", "logicalFilePath"),
    *("context", "contextFilter", "labels", "dbms", "ignore"),
)


class Selector:
    """Applies contexts and labels, and checks what Liquibase validates before it runs anything."""

    def __init__(self, reading: FileReading) -> None:
        self._reading = reading
        self._query = reading.query
        self._scripts = Scripts(reading)
        self._inherited: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        self._verdicts: dict[tuple[str | None, str | None, int], bool] = {}
        self._seen: set[str] = set()

    def select(self, changesets: Sequence[LoadedChangeSet]) -> Iterator[LoadedChangeSet]:
        """Yield the expected changesets in order of execution; what is wrong becomes a finding."""
        for changeset in changesets:
            try:
                self._check_expressions(changeset)
                if self._passes(changeset) and not self._is_ignored(changeset):
                    yield changeset
            except RefusalError as problem:
                self._report(changeset, problem.finding)

    def _report(self, changeset: LoadedChangeSet, finding: Finding) -> None:
        self._reading.report(finding, changeset.scope.name, changeset.statement.line)

    def _check_expressions(self, changeset: LoadedChangeSet) -> None:
        """Report properties without a value where they decide what the changeset is."""
        texts = [changeset.path, *map(changeset.statement.attributes.get, _DECISIVE)]
        for name in unresolved(texts):
            make, advice = (
                (error, "Liquibase has a value for it; do not let an identity depend on it.")
                if is_outside(name)
                else (warning, "Define it, or give the exporter the value that Liquibase is given.")
            )
            finding = make(f"The property {name} has no value.", advice, changeset.statement.line)
            self._reading.report_once(f"property {name}", finding, changeset.scope.name)

    def _passes(self, changeset: LoadedChangeSet) -> bool:
        own_context = changeset.statement.get("contextFilter", "context")
        own_labels = changeset.statement.get("labels")
        key = own_context, own_labels, id(changeset.scope)
        if key not in self._verdicts:
            contexts, labels = self._around(changeset.scope)
            query = self._query
            self._verdicts[key] = expressions.context_matches(
                own_context, contexts, query.contexts, query.rules
            ) and expressions.label_matches(own_labels, labels, query.labels, query.rules)
        return self._verdicts[key]

    def _around(self, scope: FileScope) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the contexts and the labels that a file's changesets inherit."""
        if id(scope) not in self._inherited:
            enclosing = list(scope.enclosing())
            contexts = (text for each in enclosing for text in (each.context, each.include_context))
            labels = (each.include_labels for each in enclosing)
            self._inherited[id(scope)] = (
                tuple(text for text in contexts if text and java.trim(text)),
                tuple(text for text in labels if text),
            )
        return self._inherited[id(scope)]

    def _is_ignored(self, changeset: LoadedChangeSet) -> bool:
        """Tell whether nothing runs it; what only its include ignores is validated all the same."""
        if java.to_boolean(changeset.statement.attributes.get("ignore")):
            return True
        self._validate(changeset)
        return changeset.scope.include_ignored

    def _validate(self, changeset: LoadedChangeSet) -> None:
        attributes = changeset.statement.attributes
        identity = changeset.identity
        if identity in self._seen:
            summary = f"The changeset {identity} exists twice."
            self._report(changeset, error(summary, "Give one of them another id."))
        self._seen.add(identity)
        if not attributes.get("id"):
            self._report(changeset, error("The changeset has no id.", "Give it one."))
        elif attributes.get("author") is None:
            summary = "The changeset has no author: Liquibase lists it and cannot record it."
            self._report(changeset, warning(summary, "Give it one."))
        for name in expressions.items(attributes.get("dbms")):
            if name not in vocabulary.DATABASES and not name.startswith("!"):
                advice = "Correct it, unless an extension of Liquibase brings this database."
                finding = warning(f"Liquibase knows no database {name!r}.", advice)
                self._report(changeset, finding)
        for finding in self._scripts.check(changeset):
            self._report(changeset, finding)

    def expected(self, changeset: LoadedChangeSet) -> ExpectedChangeset:
        """Return a selected changeset as the answer has it."""
        attributes, content = changeset.statement.attributes, changeset.content
        contexts, labels = self._around(changeset.scope)
        own_context = changeset.statement.get("contextFilter", "context")
        own_labels = expressions.items(changeset.statement.get("labels"))
        always = attributes.get("runAlways", attributes.get("alwaysRun"))
        may_fail = not java.to_boolean(attributes.get("failOnError"), default=True)
        return ExpectedChangeset(
            path=changeset.path,
            id=changeset.id,
            author=changeset.author,
            file=changeset.scope.name,
            line=changeset.statement.line,
            checksum=self._scripts.checksum(changeset),
            valid_checksums=tuple(map(checksum.parse, content.valid_checksums)),
            run_always=java.to_boolean(always),
            run_on_change=java.to_boolean(attributes.get("runOnChange")),
            may_leave_no_row=may_fail or "CONTINUE" in content.precondition_failures,
            contexts=(own_context, *contexts) if own_context else contexts,
            labels=(*own_labels, *(each for text in labels for each in expressions.items(text))),
            other_paths=changeset.other_paths,
        )
