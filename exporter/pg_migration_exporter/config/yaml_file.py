"""Reads and validates YAML files; an error has the file, the line, the key and the fix."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.files import read_regular_file

Model = TypeVar("Model", bound=BaseModel)

#: Bytes.
_MAX_SIZE = 4 << 20
#: Lists and mappings in brackets, one in the other: PyYAML's time grows with the square of these.
_MAX_BRACKETS = 100


class _Loader(yaml.SafeLoader):
    """A safe loader that also refuses duplicate keys and keys that are not scalars.

    A scalar that cannot be what it is tagged or looks like is an error with its line.
    """

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # noqa: N803 - its name
        """Read a bracket. PyYAML has no limit of its own."""
        if self.flow_level >= _MAX_BRACKETS:
            raise RecursionError
        super().fetch_flow_collection_start(TokenClass)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Construct an object. PyYAML's own errors for scalars have no line."""
        try:
            return super().construct_object(node, deep)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            kind = node.tag.rpartition(":")[2]
            raise _error(f"not a valid {kind}; quote it if it is text", node) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Construct a mapping. PyYAML would silently use the last of duplicate keys."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _error("a key cannot be a list or a mapping", key)
            if key.value in seen:
                raise _error(f"duplicate key {key.value}", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _error(problem: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; an empty file is an empty mapping.

    Raises ConfigError with the file and, for a syntax error, the line.
    """
    try:
        content = yaml.load(_read_text(path), _Loader)  # noqa: S506 - a safe loader
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text, at byte {error.start}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: not valid YAML: nested too deeply") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}{_line_of(error)}: not valid YAML: {_problem(error)}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path}: contains a {type(content).__name__}; it must be a mapping of keys"
        )
    return content


def _read_text(path: Path) -> str:
    return read_regular_file(path, _MAX_SIZE).decode("utf-8")


@dataclass(frozen=True, slots=True)
class Location:
    """The location of a key: its file, or a text for options, and its path."""

    source: Path | str
    path: tuple[str | int, ...] = ()

    def child(self, *path: str | int) -> Location:
        """Return the location of a key below this one."""
        return Location(self.source, self.path + path)

    def __str__(self) -> str:
        """Return `file:line: key.0.key`, with the line of the innermost key in the file."""
        line = _line_of_key(self.source, self.path) if isinstance(self.source, Path) else None
        source = f"{self.source}:{line}" if line else str(self.source)
        return ": ".join(filter(None, (source, ".".join(map(str, self.path)))))


def validate(model: type[Model], content: Mapping[str, Any], source: Path | str) -> Model:
    """Return `content` as a model; `source` is its file, or a text for options.

    Raises ConfigError with one line for each problem.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [_describe(model, problem, source) for problem in error.errors()]
        raise ConfigError("\n".join(lines)) from None


def _line_of_key(file: Path, path: Sequence[str | int]) -> int | None:
    node, line = yaml.compose(_read_text(file), yaml.SafeLoader), None
    for part in path:
        children: dict[str | int, tuple[yaml.Node, yaml.Node]] = {}
        if isinstance(node, yaml.MappingNode):
            children = {key.value: (key, value) for key, value in node.value}
        elif isinstance(node, yaml.SequenceNode):
            children = {number: (item, item) for number, item in enumerate(node.value)}
        if part not in children:
            break
        key, node = children[part]
        line = key.start_mark.line + 1
    return line


def _line_of(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}:{mark.column + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    return getattr(error, "problem", None) or "unknown error"


def _describe(model: type[BaseModel], problem: Mapping[str, Any], source: Path | str) -> str:
    location = Location(source, tuple(part for part in problem["loc"] if part != "[key]"))
    if problem["type"] == "extra_forbidden":
        return f"{location}: unknown key{_suggestion(model, problem['loc'])}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{location}: {message[:1].lower()}{message[1:]}"


def _suggestion(model: type[BaseModel], path: Sequence[str | int]) -> str:
    known = _sibling_keys(model, path[:-1])
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known keys: {', '.join(known)}" if known else ""


def _sibling_keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    for part in path:
        field = _fields_by_key(model).get(str(part))
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return sorted(_fields_by_key(model))


def _fields_by_key(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}
