"""From the bytes of a changelog file to its statements, by the file's name as Liquibase does."""

from __future__ import annotations

import codecs
import re

from . import sql_format, tree, xml_format, yaml_format
from .model import RefusalError, refusal, warning
from .statements import ChangelogFile

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: Encodings that Java and Python know by the same name.
_ENCODING = re.compile(
    r"utf-?(8|16|32)([-_]?[lb]e)?|(us-)?ascii|iso-?8859-\d{1,2}|latin-?1|windows-\d{3,4}"
    r"|(cp|ibm)\d{3,4}|koi8-[ru]|gb2312|gbk|gb18030|big5|euc-(jp|kr)|shift_jis",
    re.IGNORECASE,
)
_SUFFIXES = {"xml": "xml", ".yaml": "yaml", ".yml": "yaml", ".json": "yaml", ".sql": "sql"}


def kind_of(name: str) -> str | None:
    """Return which format a file of that name is read as; None where Liquibase reads none."""
    lowered = name.lower()
    return next((kind for suffix, kind in _SUFFIXES.items() if lowered.endswith(suffix)), None)


def is_encoding(name: str) -> bool:
    """Tell whether files can be read in the encoding `name`."""
    return _ENCODING.fullmatch(name) is not None


def parse(kind: str, data: bytes, encoding: str) -> ChangelogFile:
    """Return what a file of the format `kind` says; a file that cannot be read is a finding."""
    try:
        return _PARSERS[kind](data, encoding)
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
    """Return the text of an SQL file: what is not valid becomes U+FFFD, as in Java's readers."""
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
        raise refusal(f"The encoding {encoding} is not known.", "Save the file in UTF-8.", 1)
    return tree.from_xml(xml_format.parse(decode(data, encoding)))


def _yaml(data: bytes, _encoding: str) -> ChangelogFile:
    return tree.from_yaml(yaml_format.parse(decode(data, "utf-8")))


def _sql(data: bytes, encoding: str) -> ChangelogFile:
    text = decode_script(data, encoding)
    file = sql_format.parse(text)
    if "\ufffd" not in text:
        return file
    line = text[: text.index("\ufffd")].count("\n") + 1
    doubt = warning(
        f"The file has characters that are not {encoding}.",
        "Save it in that encoding, or give the one that Liquibase reads files in.",
        line,
    )
    return ChangelogFile(file.statements, (doubt,), is_sql=True)


_PARSERS = {"xml": _xml, "yaml": _yaml, "sql": _sql}
