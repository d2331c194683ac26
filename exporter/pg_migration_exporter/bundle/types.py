"""The base of the models of the values, and one type for each unit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from promql_parser import VectorSelector, parse
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

# prometheus/common, model.ParseDuration
_DURATION = r"(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?"
# Prometheus, "Data model": a label name; those that begin with __ are Prometheus' own.
_LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_LABELS_SET_ELSEWHERE = {"alertname", "severity"}


class Model(BaseModel):
    """A part of a values file: nothing extra, and nothing changes once it is valid."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("write it on one line, without control characters")
    return text


def _duration(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(rf"(?=\d){_DURATION}", value):
        raise ValueError("write a Prometheus duration such as 30s, 5m or 1h30m")
    return value


def _not_zero(duration: str) -> str:
    if not re.search("[1-9]", duration):
        raise ValueError("write a duration above zero")
    return duration


def _label_name(name: str) -> str:
    if not _LABEL_NAME.fullmatch(name):
        raise ValueError("a label name has letters, digits and _ and begins with no digit or __")
    if name in _LABELS_SET_ELSEWHERE:
        raise ValueError("set by the rule itself; change the alert's severity key for severity")
    return name


def _url(text: str) -> str:
    if not text or not text.isprintable() or re.search(r"[\s?#]", text):
        raise ValueError("write a URL or path without spaces, ? and #")
    scheme, colon, _ = text.partition(":")
    if colon and "/" not in scheme and (scheme not in ("http", "https") or "@" in text):
        # Browsers run the code in a javascript: URL.
        raise ValueError("write an http or https URL without a user, or a path")
    return text.rstrip("/")


def _selector(text: str) -> str:
    try:
        parsed = parse(text)
    except ValueError as error:
        raise ValueError(f"not PromQL: {error}") from error
    if not isinstance(parsed, VectorSelector):
        raise ValueError('write the selector of a series, such as name{label="value"}')
    return text


def _existing_folder(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError(f"{path} is not a folder")
    return path


#: Becomes part of a regular expression and of a matcher, so that quoting must not be needed.
AlertName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
#: A key of an alert in a values file, and a name in its templates.
ValueName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
OneLine = Annotated[str, AfterValidator(_printable)]
#: Becomes part of an expression, so that quoting must not be needed.
JobName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_./:-]+$")]
#: Becomes part of an expression, so that quoting must not be needed.
CollectorName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Duration = Annotated[
    str, BeforeValidator(_duration), WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$"})
]
PositiveDuration = Annotated[Duration, AfterValidator(_not_zero)]
Seconds = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
#: A share of a whole, without its ends: nothing is always above 0 or ever above 1.
Ratio = Annotated[float, Field(strict=True, gt=0, lt=1)]
Count = Annotated[int, Field(strict=True, ge=0)]
Factor = Annotated[float, Field(strict=True, gt=1, allow_inf_nan=False)]
#: In a second.
Rate = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
LabelName = Annotated[str, AfterValidator(_label_name)]
Url = Annotated[str, AfterValidator(_url)]
ExistingFolder = Annotated[Path, AfterValidator(_existing_folder)]
#: Selects series of another program.
Selector = Annotated[str, AfterValidator(_selector)]
