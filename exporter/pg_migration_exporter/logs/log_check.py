"""Check of a log: its format, and what the pipeline would lose or misread."""

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

#: Lines that are read to detect the format.
_PROBE_LINES = 200


@dataclass(slots=True)
class Report:
    """The result for a file: each problem with the numbers of its lines."""

    path: Path
    format: FormatName
    entries: int = 0
    found: dict[Problem, list[int]] = field(default_factory=lambda: defaultdict(list))

    @property
    def problems(self) -> Iterator[tuple[Problem, list[int]]]:
        """The problems found, the most serious first."""
        return ((problem, self.found[problem]) for problem in PROBLEMS if problem in self.found)


def log_files(path: Path, formats: Iterable[Format]) -> list[Path]:
    """Return `path`, or the log files in it if it is a folder. Raises UserError."""
    if not path.is_dir():
        return [path]
    suffixes = {log_format.suffix for log_format in formats}
    try:
        found = sorted(file for file in path.iterdir() if file.suffix in suffixes)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    if not found:
        raise UserError(f"{path}: holds no file that ends in {', '.join(sorted(suffixes))}")
    return found


def check_file(path: Path, formats: Mapping[FormatName, Format], limit: int) -> Report:
    """Detect the file's format and check every entry. Raises UserError.

    `limit` is the length of the longest entry, in bytes.
    """
    try:
        with path.open("rb") as file:
            detected = detect(islice(lines(file, limit), _PROBE_LINES), formats)
            file.seek(0)
            return _check(path, detected, lines(file, limit), limit)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error


def detect(probe: Iterable[Line], formats: Mapping[FormatName, Format]) -> Format:
    """Return the format that matches most lines; the text format if none matches."""
    texts = [line.content.decode(errors="replace") for line in probe]
    scores = {log_format: _score(log_format, texts) for log_format in formats.values()}
    return max(scores, key=lambda known: (scores[known], known.name == "stderr"))


def _score(log_format: Format, texts: list[str]) -> int:
    if log_format.start is None:
        return sum(text.startswith('{"') for text in texts)
    start = compile_onigmo(log_format.start)
    return sum(start.search(text) is not None for text in texts)


def _check(path: Path, log_format: Format, physical: Iterable[Line], limit: int) -> Report:
    report, reader = Report(path, log_format.name), Reader(log_format, limit)
    sessions = Sessions()
    for entry in reader.entries(physical):
        report.entries += 1
        for problem in problems_of(entry, reader.fields(entry), sessions):
            report.found[problem].append(entry.line)
    return report
