"""The options of Liquibase, from arguments, JVM properties, environment and defaults files.

Precedence and spelling are Liquibase's (AbstractMapConfigurationValueProvider,
DefaultsFileValueProvider, 4.20 to 5.0): `logFile`, `log-file`, `liquibase.logFile` and
`LIQUIBASE_LOG_FILE` are the same option; an empty value counts as not set.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from pg_migration_exporter.liquibase import commands
from pg_migration_exporter.liquibase.wrapper.properties import read_properties

_COMMANDS = {name.replace("-", ""): name for name in commands.ALL}

#: Variables from which the launcher or the JVM takes options of the JVM.
_JVM_VARIABLES = ("JAVA_OPTS", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS")

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class LiquibaseOptions:
    """Options by source, in order of precedence: pairs of a normalized name and a value.

    `unread` says which defaults file exists and was not read, and why; "" if there is none.
    """

    command: str
    sources: tuple[Pairs, ...]
    unread: str = ""

    def find(self, name: str) -> str | None:
        """Return the value of `name` ("log-file", "url"), or None."""
        short = _normalize(name)
        names = {
            f"liquibase{short}",
            f"liquibasecommand{short}",
            f"liquibasecommand{_normalize(self.command)}{short}",
        }
        for source in self.sources:
            for option, value in reversed(source):
                if value and option in names:
                    return value
        return None


def read_options(arguments: Sequence[str], environment: Mapping[str, str]) -> LiquibaseOptions:
    """Read the options of a command line and its environment."""
    command = find_command(arguments)
    jvm = [*_jvm_options(environment), *arguments]
    explicit = (
        [(_full(name), value) for name, value in _options(arguments)],
        [(_normalize(name), value) for name, value in map(_definition, jvm) if name],
        [(_normalize(name), value) for name, value in environment.items()],
    )
    defaults = LiquibaseOptions(command, explicit).find("defaults-file") or "liquibase.properties"
    found, unread = _defaults(Path(defaults))
    return LiquibaseOptions(command, (*explicit, *found), unread)


def find_command(arguments: Sequence[str]) -> str:
    """Return Liquibase's command in a command line, in its current spelling; "" without one."""
    candidates = (
        _COMMANDS.get(_normalize(argument))
        for argument in arguments[1:]
        if not argument.startswith("-")
    )
    return next((command for command in candidates if command), "")


def _normalize(name: str) -> str:
    return re.sub(r"[-_.]", "", name).lower()


def _full(name: str) -> str:
    """Return a name with the prefix `liquibase`, which may be omitted in some sources."""
    normalized = _normalize(name)
    is_full = normalized.startswith("liquibase") and normalized != "liquibaseschemaname"
    return normalized if is_full else f"liquibase{normalized}"


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield `--name=value` and `--name value`."""
    for argument, following in pairwise([*arguments, ""]):
        if argument.startswith("--"):
            name, has_value, value = argument[2:].partition("=")
            yield name, value if has_value else following


def _definition(argument: str) -> tuple[str, str]:
    name, _, value = argument.removeprefix("-D").partition("=")
    return (name, value) if argument.startswith("-D") else ("", "")


def _jvm_options(environment: Mapping[str, str]) -> Iterator[str]:
    for name in _JVM_VARIABLES:
        try:
            yield from shlex.split(environment.get(name, ""))
        except ValueError:
            continue  # an unclosed quote: the launcher reports it


def _defaults(file: Path) -> tuple[list[Pairs], str]:
    """Return the options of a file with local overrides, then those of the defaults file itself.

    Also which one was not read. A missing one is nothing to report.
    """
    found, unread = list[Pairs](), ""
    for candidate in (file.with_suffix(".local.properties"), file):
        try:
            properties = read_properties(candidate)
        except FileNotFoundError:
            continue
        except OSError as error:
            unread = f"{candidate} was not read: {error.strerror}"
            continue
        found.append([(_full(name), value) for name, value in properties.items()])
    return found, unread
