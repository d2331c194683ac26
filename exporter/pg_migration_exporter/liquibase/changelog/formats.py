"""Parsers of changelog files, chosen by the file name as Liquibase does."""

from __future__ import annotations

import codecs
import re

from . import sql_format, statements_from_nodes, xml_format, yaml_format
from .findings import RefusalError, refusal, warning
from .statements import ChangelogFile

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: Encodings that have the same name in Java and Python.
_ENCODING = re.compile(
    r"utf-?(8|16|32)([-_]?[lb]e)?|(us-)?ascii|iso-?8859-\d{1,2}|latin-?1|windows-\d{3,4}"
    r"|(cp|ibm)\d{3,4}|koi8-[ru]|gb2312|gbk|gb18030|big5|euc-(jp|kr)|shift_jis",
    re.IGNORECASE,
)
_FORMATS = {"xml": "xml", ".yaml": "yaml", ".yml": "yaml", ".json": "yaml", ".sql": "sql"}


def format_of(name: str) -> str | None:
    """Return the format of a file with that name; None where Liquibase reads no such file."""
    lowered = name.lower()
    return next((format_ for suffix, format_ in _FORMATS.items() if lowered.endswith(suffix)), None)


def is_encoding(name: str) -> bool:
    """Return whether files can be read in the encoding `name`."""
    return _ENCODING.fullmatch(name) is not None


def parse(file_format: str, data: bytes, encoding: str) -> ChangelogFile:
    """Return the parsed file; an unreadable one has no statements and a finding."""
    try:
        return _PARSERS[file_format](data, encoding)
    except RefusalError as problem:
        return ChangelogFile(findings=(problem.finding,))


def decode(data: bytes, encoding: str) -> str:
    """Return the text of a file that Liquibase decodes strictly. Raises RefusalError."""
    encoding, data = _without_bom(data, encoding)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        advice = f"Save it in {encoding}, or declare its encoding."
        raise refusal(f"The file is not {encoding}.", advice, line) from None


def decode_script(data: bytes, encoding: str) -> str:
    """Return the text of an SQL file, invalid bytes as U+FFFD, as Java's readers do."""
    encoding, data = _without_bom(data, encoding)
    return data.decode(encoding, "replace")


def _without_bom(data: bytes, encoding: str) -> tuple[str, bytes]:
    for bom, name in _BOMS:
        if data.startswith(bom):
            return name, data[len(bom) :]
    return encoding, data


def _xml(data: bytes, _encoding: str) -> ChangelogFile:
    encoding = xml_format.declared_encoding(data) or "utf-8"
    if not is_encoding(encoding):
        raise refusal(f"The encoding {encoding} is unknown.", "Save the file in UTF-8.", 1)
    return statements_from_nodes.from_xml(xml_format.parse(decode(data, encoding)))


def _yaml(data: bytes, _encoding: str) -> ChangelogFile:
    return statements_from_nodes.from_yaml(yaml_format.parse(decode(data, "utf-8")))


def _sql(data: bytes, encoding: str) -> ChangelogFile:
    text = decode_script(data, encoding)
    file = sql_format.parse(text)
    if "\ufffd" not in text:
        return file
    line = text[: text.index("\ufffd")].count("\n") + 1
    finding = warning(
        f"The file has characters that are not {encoding}.",
        "Save it in that encoding, or configure the encoding that Liquibase uses.",
        line,
    )
    return ChangelogFile(file.statements, (finding,), is_sql=True)


_PARSERS = {"xml": _xml, "yaml": _yaml, "sql": _sql}
