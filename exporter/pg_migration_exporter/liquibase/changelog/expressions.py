"""Context, label and `dbms` expressions: whether a changeset matches the filters of a run.

Evaluated exactly as Liquibase does, including its quirks, so that the results are the same:
ContextExpression, LabelExpression, ExpressionMatcher, DatabaseList.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from . import java
from .findings import refusal
from .version_rules import VersionRules

_INNERMOST = re.compile(r"\([^()]+\)")
_COMMA = re.compile(r"\s*,\s*", re.ASCII)
_OR = re.compile(r"\s+or\s+", re.ASCII)
_AND = re.compile(r"\s+and\s+", re.ASCII)
_REQUIRED_NOT = re.compile(r"@\s*(?:!|not )(?=.)", re.ASCII)
_NO_CONTEXTS = re.compile(r"(?<![\w@])nocontexts(?!\w)", re.ASCII)
_MAX_LENGTH = 4096

#: The name of PostgreSQL in `dbms`.
DATABASE = "postgresql"


@lru_cache(maxsize=4096)
def items(text: str | None, rules: VersionRules | None = None) -> tuple[str, ...]:
    """Split a comma-separated list of names or expressions; case does not matter."""
    trimmed = java.trim_to_none(text)
    if trimmed is None:
        return ()
    parts = _split_outside_parentheses(trimmed) if rules and rules.protected_commas else None
    return tuple(dict.fromkeys(part.lower() for part in parts or java.split(trimmed)))


def _split_outside_parentheses(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth = max(0, depth + (character == "(") - (character == ")"))
        if character == "," and not depth:
            parts.append(java.trim(text[start:position]))
            start = position + 1
    parts.append(java.trim(text[start:]))
    while parts and not parts[-1]:
        parts.pop()
    return parts


def matches(expression: str, names: Sequence[str], rules: VersionRules) -> bool:
    """Evaluate one expression of `and`, `or`, `not`, `!`, parentheses and `@` against `names`.

    Without names everything matches except names that `@` requires. Raises RefusalError where
    Liquibase cannot evaluate the expression either.
    """
    if len(expression) > _MAX_LENGTH:
        raise refusal("A context or label expression is too long.", "Shorten it.")
    expression = java.trim(expression)
    if expression in {":TRUE", ":FALSE"}:
        return expression == ":TRUE"
    while "(" in expression:
        inner = _INNERMOST.search(expression)
        if inner is None:
            raise refusal(
                f"Liquibase cannot evaluate the expression {expression!r}.",
                "Balance its parentheses; before 5.0.4 Liquibase also splits a context at a comma "
                "inside parentheses: write `or` there.",
            )
        value = str(matches(inner.group()[1:-1], names, rules)).upper()
        expression = f"{expression[: inner.start()]} :{value} {expression[inner.end() :]}"
    alternatives = _OR.split(_COMMA.sub(" or ", expression))
    if len(alternatives) > 1:
        return any(matches(alternative, names, rules) for alternative in alternatives)
    parts = _AND.split(alternatives[0])
    if len(parts) > 1:
        return all(matches(part, names, rules) for part in parts)
    return _matches_word(parts[0], names, rules)


def _matches_word(word: str, names: Sequence[str], rules: VersionRules) -> bool:
    negated, word = _without_not(word)
    required = word.startswith("@")
    if required:
        word = java.trim(word[1:])
    if rules.no_contexts_token and not required and word.lower() == "nocontexts":
        return negated is bool(names)
    if not names and not required:
        return True
    if java.trim(word) in {":TRUE", ":FALSE"}:
        return (java.trim(word) == ":TRUE") is not negated
    if rules.symmetric_contexts:
        names = [java.trim(name[1:]) if name.startswith("@") else name for name in names]
    return (word.lower() in names) is not negated


def _without_not(word: str) -> tuple[bool, str]:
    if word.startswith("!"):
        return True, java.trim(word[1:])
    if word.lower().startswith("not "):
        return True, java.trim(word[4:])
    if found := _REQUIRED_NOT.match(word):
        return True, java.trim(word[found.end() :])
    return False, word


def any_matches(expressions: Iterable[str], names: Sequence[str], rules: VersionRules) -> bool:
    """Return whether one of `expressions` holds, or there is none; evaluates (and refuses) all."""
    outcomes = [matches(expression, names, rules) for expression in expressions]
    return not outcomes or any(outcomes)


def context_matches(
    own: str | None, inherited: Sequence[str], runtime: Sequence[str], rules: VersionRules
) -> bool:
    """Return whether a changeset matches the contexts of `--contexts`. ContextChangeSetFilter."""
    outer = all(context_holds(text, runtime, rules) for text in inherited)
    inner = context_holds(own, runtime, rules)
    if inner or not rules.symmetric_contexts:
        return outer and inner
    texts = [text for text in (*inherited, own) if text]
    joined = " AND ".join(f"({text})" if re.search(r"[, ]", text) else text for text in texts)
    return outer and _any_context_matches(runtime, items(joined, rules), rules)


def context_holds(text: str | None, runtime: Sequence[str], rules: VersionRules) -> bool:
    """Return whether the context expressions of `text` hold. ContextExpression.matches."""
    return _any_context_matches(items(text, rules), runtime, rules)


def _any_context_matches(
    expressions: Sequence[str], names: Sequence[str], rules: VersionRules
) -> bool:
    if not expressions and rules.symmetric_contexts:
        return not any(_is_strict(name, rules) for name in names)
    return any_matches(expressions, names, rules)


def _is_strict(name: str, rules: VersionRules) -> bool:
    """Return whether `name` forbids that a changeset without contexts matches it."""
    if rules.no_contexts_token:
        return name.lstrip("( ").startswith("@") or bool(_NO_CONTEXTS.search(name))
    return name.startswith("@")


def label_matches(
    own: str | None, inherited: Sequence[str], label_filter: Sequence[str], rules: VersionRules
) -> bool:
    """Return whether a changeset matches the `--label-filter`. LabelChangeSetFilter."""
    if rules.pooled_labels:
        pool = tuple(label for text in (*inherited, own) for label in items(text))
        return any_matches(label_filter, pool, rules)
    sets = [items(own), *(labels for text in inherited if (labels := items(text)))]
    return all(any_matches(label_filter, labels, rules) for labels in sets)


def database_matches(names: Sequence[str]) -> bool:
    """Return whether a `dbms` list includes PostgreSQL; an empty one means every database."""
    if not names or "all" in names:
        return True
    if "none" in names or f"!{DATABASE}" in names:
        return False
    wanted = [name for name in names if not name.startswith("!")]
    return not wanted or DATABASE in wanted
