"""What Liquibase is given: by arguments, the JVM's properties, the environment, defaults files.

Liquibase's own order of precedence and its tolerance in spelling (AbstractMapConfigurationValue-
Provider, DefaultsFileValueProvider, 4.20 to 5.0): `logFile`, `log-file`, `liquibase.logFile`,
`LIQUIBASE_LOG_FILE` are one setting; an empty value is none.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from pg_migration_exporter.liquibase import commands
from pg_migration_exporter.liquibase.wrapper.properties import read_properties

_COMMANDS = {name.replace("-", ""): name for name in commands.ALL}

#: Options of the JVM that the launcher or the JVM itself takes from the environment.
_JVM_VARIABLES = ("JAVA_OPTS", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS")

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class LiquibaseOptions:
    """Settings by source, the strongest first, each a list of names as spelled and values."""

    command: str
    sources: tuple[Pairs, ...]

    def find(self, name: str) -> str | None:
        """The value of `name` ("log-file", "url"), or None."""
        short = _smash(name)
        spellings = {f"liquibase{short}", f"liquibasecommand{short}"}
        spellings.add(f"liquibasecommand{_smash(self.command)}{short}")
        for source in self.sources:
            for spelled, value in reversed(source):
                if value and spelled in spellings:
                    return value
        return None


def read_options(arguments: Sequence[str], environment: Mapping[str, str]) -> LiquibaseOptions:
    """Read everything that a command line and its environment give to Liquibase."""
    command = find_command(arguments)
    jvm = [*_jvm_options(environment), *arguments]
    strong = (
        [(_full(name), value) for name, value in _options(arguments)],
        [(_smash(name), value) for name, value in map(_definition, jvm) if name],
        [(_smash(name), value) for name, value in environment.items()],
    )
    defaults = LiquibaseOptions(command, strong).find("defaults-file") or "liquibase.properties"
    return LiquibaseOptions(command, (*strong, *_defaults(Path(defaults))))


def find_command(arguments: Sequence[str]) -> str:
    """Liquibase's command in a command line, in its present spelling; "" if there is none."""
    candidates = (_COMMANDS.get(_smash(one)) for one in arguments[1:] if not one.startswith("-"))
    return next((command for command in candidates if command), "")


def _smash(name: str) -> str:
    return re.sub(r"[-_.]", "", name).lower()


def _full(name: str) -> str:
    """A name that may go without its prefix, where that is allowed."""
    smashed = _smash(name)
    is_full = smashed.startswith("liquibase") and smashed != "liquibaseschemaname"
    return smashed if is_full else f"liquibase{smashed}"


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """`--name=value`, and `--name value`."""
    for one, following in pairwise([*arguments, ""]):
        if one.startswith("--"):
            name, has_value, value = one[2:].partition("=")
            yield name, value if has_value else following


def _definition(argument: str) -> tuple[str, str]:
    name, _, value = argument.removeprefix("-D").partition("=")
    return (name, value) if argument.startswith("-D") else ("", "")


def _jvm_options(environment: Mapping[str, str]) -> Iterator[str]:
    for name in _JVM_VARIABLES:
        try:
            yield from shlex.split(environment.get(name, ""))
        except ValueError:
            continue  # an open quote: the launcher will say so


def _defaults(file: Path) -> Iterable[Pairs]:
    """A defaults file, and before it the one beside it with local overrides."""
    for candidate in (file.with_suffix(".local.properties"), file):
        try:
            yield [(_full(name), value) for name, value in read_properties(candidate).items()]
        except OSError:
            continue
