"""Check of a log: which format it has, and what the pipeline would lose or misread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pg_migration_exporter.errors import UserError
from pg_migration_exporter.logs.formats import Format, FormatName
from pg_migration_exporter.logs.onigmo import compile_onigmo
from pg_migration_exporter.logs.problems import PROBLEMS, Problem, Sessions, problems_of
from pg_migration_exporter.logs.reader import Line, Reader, lines

#: Lines after which the format is known.
_PROBE_LINES = 200


@dataclass(slots=True)
class Report:
    """What was found in a file: each problem with the numbers of the lines that have it."""

    path: Path
    format: FormatName
    entries: int = 0
    found: dict[Problem, list[int]] = field(default_factory=lambda: defaultdict(list))

    @property
    def problems(self) -> Iterator[tuple[Problem, list[int]]]:
        """The problems found, those that concern most first."""
        return ((problem, self.found[problem]) for problem in PROBLEMS if problem in self.found)


def log_files(path: Path, formats: Iterable[Format]) -> list[Path]:
    """Return the log files at `path`: itself, or those in the folder. Raises UserError."""
    if not path.is_dir():
        return [path]
    suffixes = {each.suffix for each in formats}
    try:
        found = sorted(each for each in path.iterdir() if each.suffix in suffixes)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    if not found:
        raise UserError(f"{path}: holds no file that ends in {', '.join(sorted(suffixes))}")
    return found


def check_file(path: Path, formats: Mapping[FormatName, Format], limit: int) -> Report:
    """Read the whole file in the one of these formats that it has. Raises UserError.

    `limit` is the longest entry, in bytes.
    """
    try:
        with path.open("rb") as file:
            detected = detect(islice(lines(file, limit), _PROBE_LINES), formats)
            file.seek(0)
            return _check(path, detected, lines(file, limit), limit)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error


def detect(probe: Iterable[Line], formats: Mapping[FormatName, Format]) -> Format:
    """Return the format that most lines have; the text format where none has any."""
    texts = [line.content.decode(errors="replace") for line in probe]
    scores = {each: _score(each, texts) for each in formats.values()}
    return max(scores, key=lambda each: (scores[each], each.name == "stderr"))


def _score(format: Format, texts: list[str]) -> int:  # noqa: A002 - it is what it is
    if format.start is None:
        return sum(text.startswith('{"') for text in texts)
    start = compile_onigmo(format.start)
    return sum(start.search(text) is not None for text in texts)


def _check(path: Path, format: Format, physical: Iterable[Line], limit: int) -> Report:  # noqa: A002
    report, reader, sessions = Report(path, format.name), Reader(format, limit), Sessions()
    for entry in reader.entries(physical):
        report.entries += 1
        for problem in problems_of(entry, reader.fields(entry), sessions):
            report.found[problem].append(entry.line)
    return report
